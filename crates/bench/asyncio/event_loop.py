"""The asyncio side of benches/event_loop.rs: things to do soon, timers that are cancelled, work from another thread."""

import asyncio
import statistics
import sys
import threading
import time


async def tasks(items: int) -> None:
    done = 0

    async def one() -> None:
        nonlocal done
        done += 1

    await asyncio.gather(*[asyncio.create_task(one()) for _ in range(items)])
    assert done == items


async def callbacks(items: int) -> None:
    done = 0

    def one() -> None:
        nonlocal done
        done += 1

    loop = asyncio.get_running_loop()
    for _ in range(items):
        loop.call_soon(one)
    all_called = loop.create_future()
    loop.call_soon(all_called.set_result, None)
    await all_called
    assert done == items


async def timers(items: int) -> None:
    loop = asyncio.get_running_loop()
    handles = [loop.call_later(60 + item * 7_919 % items / 100_000, print) for item in range(items)]
    for handle in handles:
        handle.cancel()
    await asyncio.sleep(0)


async def from_a_thread(round_trips: int) -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    async def answer(item: int) -> int:
        return item

    def thread() -> None:
        for item in range(round_trips):
            assert asyncio.run_coroutine_threadsafe(answer(item), loop).result() == item
        loop.call_soon_threadsafe(ended.set_result, None)

    threading.Thread(target=thread).start()
    await ended


def measure(name: str, work, items: int, rounds: int) -> None:
    asyncio.run(work(items))
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        asyncio.run(work(items))
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / items, name)


items, round_trips, rounds = map(int, sys.argv[1:])
measure("asyncio.create_task", tasks, items, rounds)
measure("asyncio's call_soon", callbacks, items, rounds)
measure("asyncio's call_later, and cancel", timers, items, rounds)
measure("asyncio.run_coroutine_threadsafe", from_a_thread, round_trips, rounds)
