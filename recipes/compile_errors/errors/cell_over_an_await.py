import asyncio


async def main():
    async def visit():
        pages = ["home"]
        await asyncio.sleep(0)
        pages.append("news")
        return len(pages)

    task = asyncio.create_task(visit())
    assert await task == 2


asyncio.run(main())
