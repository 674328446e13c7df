import asyncio


async def load():
    return 4


async def main():
    task = asyncio.create_task(load())
    assert (await task, await task) == (4, 4)


asyncio.run(main())
