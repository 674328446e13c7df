import asyncio


async def from_memory():
    return "kept"


async def from_disk():
    return "read"


async def main():
    is_kept = True
    work = from_memory() if is_kept else from_disk()
    assert await work == "kept"


asyncio.run(main())
