import asyncio


async def count(page):
    return 1 + sum([await count(link) for link in page])


async def main():
    news = []
    home = [news]
    assert await count(home) == 2


asyncio.run(main())
