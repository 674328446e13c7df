import asyncio


async def main():
    pages = ["home", "news"]

    async def count():
        return len(pages)

    task = asyncio.create_task(count())
    assert (await task, len(pages)) == (2, 2)


asyncio.run(main())
