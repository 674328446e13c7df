import asyncio


async def main():
    pages = ["home", "news"]

    async def count():
        await asyncio.sleep(0)
        return len(pages)

    task = asyncio.create_task(count())
    assert (await task, len(pages)) == (2, 2)


asyncio.run(main())
