"""The asyncio side of benches/queues.rs: numbers from one producer, through a hundred places."""

import asyncio
import statistics
import sys
import time


async def without_join(queue: asyncio.Queue, items: int, consumers: int) -> None:
    async def consume() -> int:
        total = 0
        while (item := await queue.get()) is not None:
            total += item
        return total

    async def produce() -> None:
        for item in range(items):
            await queue.put(item)
        for _ in range(consumers):
            await queue.put(None)

    results = await asyncio.gather(*(consume() for _ in range(consumers)), produce())
    assert sum(results[:-1]) == items * (items - 1) // 2


async def with_join(queue: asyncio.Queue, items: int, consumers: int, pair=lambda item: (0, item)) -> None:
    total = 0

    async def consume() -> None:
        nonlocal total
        while True:
            _, item = await queue.get()
            total += item
            queue.task_done()

    tasks = [asyncio.create_task(consume()) for _ in range(consumers)]
    for item in range(items):
        await queue.put(pair(item))
    await queue.join()
    for task in tasks:
        task.cancel()
    assert total == items * (items - 1) // 2


def measure(name: str, work, items: int, rounds: int) -> None:
    asyncio.run(work())
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        asyncio.run(work())
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / items, name)


items, rounds, consumers = map(int, sys.argv[1:])
measure("asyncio.Queue", lambda: without_join(asyncio.Queue(100), items, consumers), items, rounds)
measure("asyncio.Queue with task_done and join", lambda: with_join(asyncio.Queue(100), items, consumers), items, rounds)
measure(
    "asyncio.LifoQueue with task_done and join", lambda: with_join(asyncio.LifoQueue(100), items, consumers), items, rounds
)
measure(
    "asyncio.PriorityQueue with task_done and join",
    lambda: with_join(asyncio.PriorityQueue(100), items, consumers, lambda item: (item % 7, item)),
    items,
    rounds,
)
