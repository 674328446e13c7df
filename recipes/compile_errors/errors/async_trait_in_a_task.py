import asyncio


class Memory:
    async def load(self):
        return 4


def start(source):
    return asyncio.create_task(source.load())


async def main():
    assert await start(Memory()) == 4


asyncio.run(main())
