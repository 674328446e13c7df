import asyncio


async def load():
    return 4


async def main():
    assert await load() + 1 == 5


asyncio.run(main())
