import asyncio


async def main():
    async def home():
        return 4

    async def news():
        return 7

    assert await asyncio.gather(*[home(), news()]) == [4, 7]


asyncio.run(main())
