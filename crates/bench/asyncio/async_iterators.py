"""The asyncio side of benches/async_iterators.rs: items that are ready at once, through each form."""

import asyncio
import statistics
import sys
import time
from collections import deque


async def generator(items: int):
    for number in range(items):
        yield number


class ByHand:
    def __init__(self, items: int) -> None:
        self.numbers = iter(range(items))

    def __aiter__(self):
        return self

    async def __anext__(self) -> int:
        try:
            return next(self.numbers)
        except StopIteration:
            raise StopAsyncIteration from None


async def prefetch(source, ahead: int):
    queue = asyncio.Queue(ahead)

    async def fill() -> None:
        async for item in source:
            await queue.put((item,))
        await queue.put(())

    task = asyncio.create_task(fill())
    while item := await queue.get():
        yield item[0]
    await task


async def work(number: int) -> int:
    return number


async def in_order(source, limit: int):
    tasks = deque()
    async for item in source:
        tasks.append(asyncio.create_task(work(item)))
        if len(tasks) == limit:
            yield await tasks.popleft()
    while tasks:
        yield await tasks.popleft()


async def total(numbers, items: int) -> None:
    result = 0
    async for number in numbers:
        result += number
    assert result == items * (items - 1) // 2


async def echo():
    number = None
    while True:
        number = yield number


async def two_way(items: int) -> None:
    numbers = echo()
    await numbers.asend(None)
    result = 0
    for number in range(items):
        result += await numbers.asend(number)
    assert result == items * (items - 1) // 2


def measure(name: str, make, items: int, rounds: int) -> None:
    asyncio.run(make())
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        asyncio.run(make())
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / items, name)


items, rounds = map(int, sys.argv[1:])
measure("asyncio: a generator", lambda: total(generator(items), items), items, rounds)
measure("asyncio: by hand", lambda: total(ByHand(items), items), items, rounds)
measure("asyncio: asend", lambda: two_way(items), items, rounds)
measure("asyncio: a queue of 100 and a task", lambda: total(prefetch(generator(items), 100), items), items, rounds)
measure("asyncio: tasks in order, limit 100", lambda: total(in_order(generator(items), 100), items), items, rounds)
