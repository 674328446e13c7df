"""The asyncio side of benches/gather.rs: items that suspend once, and the ways to wait for them."""

import asyncio
import statistics
import sys
import time


async def item(number: int) -> int:
    await asyncio.sleep(0)
    return number


async def in_order(items: int) -> None:
    assert sum(await asyncio.gather(*map(item, range(items)))) == items * (items - 1) // 2


async def all_completed(items: int) -> None:
    done, pending = await asyncio.wait([asyncio.create_task(item(number)) for number in range(items)])
    assert (len(done), len(pending)) == (items, 0)


async def as_completed(items: int) -> None:
    total = 0
    for result in asyncio.as_completed(map(item, range(items))):
        total += await result
    assert total == items * (items - 1) // 2


async def bounded(items: int) -> None:
    semaphore = asyncio.Semaphore(100)

    async def with_permit(number: int) -> int:
        async with semaphore:
            return await item(number)

    assert sum(await asyncio.gather(*map(with_permit, range(items)))) == items * (items - 1) // 2


def measure(name: str, work, items: int, rounds: int) -> None:
    asyncio.run(work(items))
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        asyncio.run(work(items))
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / items, name)


items, rounds = map(int, sys.argv[1:])
measure("asyncio.gather", in_order, items, rounds)
measure("asyncio.as_completed", as_completed, items, rounds)
measure("asyncio.wait", all_completed, items, rounds)
measure("asyncio.gather with a semaphore of 100", bounded, items, rounds)
