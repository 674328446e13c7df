"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def at_most_three_at_a_time():
    busy, peak = 0, 0

    async def request(page):
        nonlocal busy, peak
        busy += 1
        peak = max(peak, busy)
        await asyncio.sleep(0.01)
        busy -= 1
        return page

    permits = asyncio.Semaphore(3)

    async def fetch(page):
        async with permits:  # three are in here at most
            return await request(page)

    pages = await asyncio.gather(*map(fetch, range(10)))

    assert (len(pages), peak) == (10, 3)


async def one_at_a_time_over_an_await():
    lock, count = asyncio.Lock(), 0

    async def raise_count():
        nonlocal count
        async with lock:
            value = count
            await asyncio.sleep(0)  # others run here
            count = value + 1

    await asyncio.gather(*(raise_count() for _ in range(100)))
    assert count == 100


async def wait_until_something_has_happened():
    opened = asyncio.Event()
    visitor = asyncio.create_task(opened.wait())
    opened.set()
    await visitor

    assert opened.is_set()


async def wait_for_a_change_under_a_lock():
    loaves, baked = 0, asyncio.Condition()

    async def buy():
        nonlocal loaves
        async with baked:
            await baked.wait_for(lambda: loaves > 0)
            loaves -= 1

    async def bake():
        nonlocal loaves
        async with baked:
            loaves += 1
            baked.notify()

    await asyncio.gather(buy(), bake())

    assert loaves == 0


async def wait_for_the_others():
    barrier = asyncio.Barrier(2)
    first, second = await asyncio.gather(barrier.wait(), barrier.wait())

    assert (first, second) == (0, 1)
