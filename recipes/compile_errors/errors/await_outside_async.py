import asyncio


async def load(name):
    return len(name)


async def main():
    names = ["home", "about"]
    assert [await load(name) for name in names] == [4, 5]


asyncio.run(main())
