import asyncio


async def main():
    async def port():
        return int("8080")

    task = asyncio.create_task(port())
    assert await task == 8080


asyncio.run(main())
