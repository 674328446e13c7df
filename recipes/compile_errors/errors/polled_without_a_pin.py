import asyncio


async def load():
    await asyncio.sleep(0.025)
    return "home"


async def main():
    work, waits = asyncio.create_task(load()), 0
    while not (await asyncio.wait({work}, timeout=0.01))[0]:
        waits += 1
    assert (work.result(), waits) == ("home", 2)


asyncio.run(main())
