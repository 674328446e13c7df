"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def a_generator_and_a_loop():
    log = []

    async def numbers():
        for number in range(3):
            await asyncio.sleep(0.01)
            yield number

    async for number in numbers():
        log.append(number)

    assert log == [0, 1, 2]


async def a_comprehension():
    async def numbers():
        for number in range(3):
            yield number

    async def is_odd(number):
        return number % 2 == 1

    tens = [10 * number async for number in numbers() if await is_odd(number)]

    assert tens == [10]


async def the_next_items_while_this_one_is_handled():
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def rows():
        for row in range(1, 4):
            await asyncio.sleep(0.1)
            yield row

    async def handle(_row):
        await asyncio.sleep(0.1)

    queue = asyncio.Queue(maxsize=2)

    async def fill():
        async for row in rows():
            await queue.put(row)
        await queue.put(None)

    filling = asyncio.create_task(fill())
    while (row := await queue.get()) is not None:
        await handle(row)

    await filling
    assert round(loop.time() - start, 3) == 0.4


async def three_at_a_time_in_order():
    loop, pages = asyncio.get_running_loop(), ["home", "a", "faq", "news"]
    start = loop.time()

    async def fetch(page):
        await asyncio.sleep(0.1)
        return len(page)

    permits = asyncio.Semaphore(3)

    async def limited(page):
        async with permits:
            return await fetch(page)

    lengths = await asyncio.gather(*map(limited, pages))

    assert (lengths, round(loop.time() - start, 3)) == ([4, 1, 3, 4], 0.2)


async def leave_early_and_wait_for_the_clean_up():
    log, users = [], ["ada", "bob"]

    async def close():
        await asyncio.sleep(0.01)
        log.append("closed")

    async def rows():
        try:
            for user in users:
                yield user
        finally:
            await close()

    users_of = rows()
    first = await anext(users_of)
    await users_of.aclose()

    assert (first, log) == ("ada", ["closed"])
