import asyncio


def job(name):
    async def length():
        return len(name)

    return length()


async def main():
    task = asyncio.create_task(job("home"))
    assert await task == 4


asyncio.run(main())
