import asyncio


def length(page):
    return len(page)


async def main():
    assert length("home") == 4


asyncio.run(main())
