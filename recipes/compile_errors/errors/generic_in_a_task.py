import asyncio


def start(item):
    async def text():
        return str(item)

    return asyncio.create_task(text())


async def main():
    assert await start(42) == "42"


asyncio.run(main())
