import asyncio


async def main():
    lock, visits = asyncio.Lock(), []

    async def visit():
        async with lock:
            visits.append("home")
            await asyncio.sleep(0)
            return len(visits)

    task = asyncio.create_task(visit())
    assert await task == 1


asyncio.run(main())
