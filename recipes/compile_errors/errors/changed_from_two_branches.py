import asyncio


async def main():
    pages = []

    async def add(page):
        await asyncio.sleep(0)
        pages.append(page)

    await asyncio.gather(add("home"), add("news"))
    assert pages == ["home", "news"]


asyncio.run(main())
