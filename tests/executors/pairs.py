"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import math
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool


def read(name):
    """Simulates a blocking call."""
    return f"<{name}>"


async def three_blocking_calls_at_a_time():
    lock, inside, peak = threading.Lock(), [], []

    def read(name):
        with lock:
            inside.append(name)
            peak.append(len(inside))
        with lock:
            inside.remove(name)
        return f"<{name}>"

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=3) as three:
        reads = [loop.run_in_executor(three, read, name) for name in "abcde"]
        pages = await asyncio.gather(*reads)

    assert pages == ["<a>", "<b>", "<c>", "<d>", "<e>"]
    assert max(peak) <= 3


async def threads_of_their_own():
    with ThreadPoolExecutor(2, thread_name_prefix="database") as database:
        row = database.submit(read, "row")  # queued at once
        found = await asyncio.wrap_future(row)
    # each thread is gone

    assert found == "<row>"


async def a_job_in_a_process():
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(max_workers=1) as pool:
        try:
            root = await loop.run_in_executor(pool, os._exit, 3)
        except BrokenProcessPool:
            root = None

    assert root is None


async def compute_on_every_core():
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor() as cores:
        halves = [loop.run_in_executor(cores, sum, part) for part in (range(500), range(500, 1000))]
        total = sum(await asyncio.gather(*halves))

    assert total == 499_500


async def cancel_what_is_queued():
    begun, end = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(max_workers=1)
    running = pool.submit(lambda: (begun.set(), end.wait()))
    await asyncio.to_thread(begun.wait)

    queued = pool.submit(read, "never")
    cancelled = queued.cancel()  # True: it has not begun
    pool.shutdown(wait=False, cancel_futures=True)

    end.set()
    await asyncio.wrap_future(running)
    assert cancelled


async def workers_that_stay():
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(max_workers=2) as pool:
        roots = [loop.run_in_executor(pool, math.isqrt, square) for square in (144, 169)]
        roots = await asyncio.gather(*roots)

    assert roots == [12, 13]
