import asyncio


async def with_page(callback):
    page = "home"
    return await callback(page)


async def main():
    async def length(page):
        return len(page)

    assert await with_page(length) == 4


asyncio.run(main())
