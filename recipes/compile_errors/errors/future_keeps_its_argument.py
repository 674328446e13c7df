import asyncio


def load(name):
    length = len(name)

    async def work():
        return length

    return work()


async def main():
    work = load("home")
    assert await work == 4


asyncio.run(main())
