import asyncio


async def load(name):
    if not name:
        raise ValueError("no name")
    return len(name)


async def main():
    task = asyncio.create_task(load("home"))
    assert await task == 4


asyncio.run(main())
