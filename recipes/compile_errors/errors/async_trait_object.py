import asyncio


class Memory:
    async def load(self):
        return "kept"


class Disk:
    async def load(self):
        return "read"


async def main():
    sources = [Memory(), Disk()]
    assert [await source.load() for source in sources] == ["kept", "read"]


asyncio.run(main())
