"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def workers_end_with_the_queue():
    loaded = []

    async def load(page):
        await asyncio.sleep(0.01)
        loaded.append(page)

    async def worker(queue):
        while (page := await queue.get()) is not None:
            await load(page)

    queue = asyncio.Queue(maxsize=5)
    workers = [asyncio.create_task(worker(queue)) for _ in range(3)]
    for page in range(1, 10):
        await queue.put(page)  # waits while the queue is full
    for _ in workers:
        await queue.put(None)  # a sentinel for each worker
    await asyncio.gather(*workers)

    assert loaded == [1, 2, 3, 4, 5, 6, 7, 8, 9]


async def join_waits_until_all_is_done():
    queue, loaded = asyncio.Queue(maxsize=5), []

    async def load(name, page):
        await asyncio.sleep(0.01)
        loaded.append((name, page))

    async def consumer(name, queue):
        while True:
            page = await queue.get()
            await load(name, page)
            queue.task_done()

    consumers = [asyncio.create_task(consumer(name, queue)) for name in "AB"]
    await queue.put("home")
    await queue.join()
    for task in consumers:
        task.cancel()

    assert loaded == [("A", "home")]


async def the_smallest_priority_comes_first():
    queue = asyncio.PriorityQueue()
    queue.put_nowait((2, "report"))
    queue.put_nowait((1, "alarm"))
    priority, job = await queue.get()

    assert (priority, job) == (1, "alarm")


async def a_put_that_is_given_up_keeps_its_item():
    queue, page, kept = asyncio.Queue(maxsize=1), "news", []
    await queue.put("home")

    try:
        async with asyncio.timeout(0.1):
            await queue.put(page)
    except TimeoutError:
        kept.append(page)  # still mine

    assert (kept, queue.qsize()) == (["news"], 1)
