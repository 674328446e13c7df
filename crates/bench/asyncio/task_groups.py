"""The asyncio side of benches/task_groups.rs: children that suspend once and return a number."""

import asyncio
import statistics
import sys
import time


async def child(number: int) -> int:
    await asyncio.sleep(0)
    return number


async def task_group(items: int) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(child(number)) for number in range(items)]
    assert sum(task.result() for task in tasks) == items * (items - 1) // 2


async def gather(items: int) -> None:
    assert sum(await asyncio.gather(*map(child, range(items)))) == items * (items - 1) // 2


async def cancelled(items: int) -> None:
    async def waits(waiting: asyncio.Event) -> None:
        await waiting.wait()

    async def fails() -> None:
        raise ValueError

    try:
        async with asyncio.TaskGroup() as group:
            waiting = asyncio.Event()
            for _ in range(items):
                group.create_task(waits(waiting))
            group.create_task(fails())
    except* ValueError:
        pass


def measure(name: str, work, items: int, rounds: int) -> None:
    asyncio.run(work(items))
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        asyncio.run(work(items))
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / items, name)


items, rounds = map(int, sys.argv[1:])
measure("asyncio.TaskGroup", task_group, items, rounds)
measure("asyncio.gather", gather, items, rounds)
measure("asyncio.TaskGroup, ended by one that fails", cancelled, items, rounds)
