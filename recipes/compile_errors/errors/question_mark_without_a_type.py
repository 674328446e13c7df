import asyncio


async def main():
    async def add():
        return int("3") + int("4")

    assert await add() == 7


asyncio.run(main())
