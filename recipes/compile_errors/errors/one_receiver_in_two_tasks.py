import asyncio


async def main():
    queue = asyncio.Queue()
    one = asyncio.create_task(queue.get())
    other = asyncio.create_task(queue.get())
    await queue.put("home")
    await queue.put("news")
    assert sorted([await one, await other]) == ["home", "news"]


asyncio.run(main())
