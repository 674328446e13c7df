"""The asyncio side of benches/timeouts.rs: work that suspends once, and is in time."""

import asyncio
import statistics
import sys
import time


async def work() -> int:
    await asyncio.sleep(0)
    return 1


async def no_limit() -> None:
    assert await work() == 1


async def timeout() -> None:
    async with asyncio.timeout(60):
        assert await work() == 1


async def wait_for() -> None:
    assert await asyncio.wait_for(work(), 60) == 1


async def task() -> None:
    assert await asyncio.create_task(work()) == 1


async def shield() -> None:
    assert await asyncio.shield(work()) == 1


async def cancel() -> None:
    cancelled = asyncio.create_task(work())
    cancelled.cancel()
    try:
        await cancelled
    except asyncio.CancelledError:
        return
    raise AssertionError


def measure(name: str, once, items: int, rounds: int) -> None:
    async def all_items() -> None:
        for _ in range(items):
            await once()

    asyncio.run(all_items())
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        asyncio.run(all_items())
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / items, name)


items, rounds = map(int, sys.argv[1:])
measure("asyncio, no limit at all", no_limit, items, rounds)
measure("asyncio.timeout", timeout, items, rounds)
measure("asyncio.wait_for", wait_for, items, rounds)
measure("asyncio.create_task", task, items, rounds)
measure("asyncio, cancel and await", cancel, items, rounds)
measure("asyncio.shield", shield, items, rounds)
