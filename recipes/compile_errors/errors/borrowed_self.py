import asyncio


class Client:
    def __init__(self, name):
        self.name = name

    async def length(self):
        return len(self.name)

    def start(self):
        return asyncio.create_task(self.length())


async def main():
    assert await Client("home").start() == 4


asyncio.run(main())
