import asyncio


async def main():
    results = asyncio.Queue()

    async def load(name):
        await results.put(len(name))

    async with asyncio.TaskGroup() as tasks:
        for name in ["home", "about"]:
            tasks.create_task(load(name))
    assert sorted([results.get_nowait(), results.get_nowait()]) == [4, 5]


asyncio.run(main())
