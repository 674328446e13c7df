import asyncio


async def lengths():
    names = ["home", "about"]
    for name in names:
        yield len(name)


async def main():
    assert [length async for length in lengths()] == [4, 5]


asyncio.run(main())
