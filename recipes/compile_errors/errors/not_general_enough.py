import asyncio


async def load(name):
    return len(name)


async def main():
    names = ["home", "about"]
    task = asyncio.create_task(load_all(names))
    assert await task == [4, 5]


async def load_all(names):
    return await asyncio.gather(*(load(name) for name in names))


asyncio.run(main())
