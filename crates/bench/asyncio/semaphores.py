"""The asyncio side of benches/semaphores.rs: in and out of a lock, alone or with others; and to be woken together."""

import asyncio
import statistics
import sys
import time


async def go_in_and_out(lock, entries: int) -> None:
    for _ in range(entries):
        async with lock:
            pass


async def await_inside(lock, entries: int) -> None:
    for _ in range(entries):
        async with lock:
            await asyncio.sleep(0)


async def many(task, tasks: int, then=None) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(task())
        if then:
            await then()


async def meet(tasks: int, rounds: int) -> None:
    barrier = asyncio.Barrier(tasks)

    async def party() -> None:
        for _ in range(rounds):
            await barrier.wait()

    await many(party, tasks)


async def pulse(tasks: int, rounds: int) -> None:
    event = asyncio.Event()

    async def wait() -> None:
        for _ in range(rounds):
            await event.wait()

    async def pulses() -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)
            event.set()
            event.clear()

    await many(wait, tasks, pulses)


async def notify_all(tasks: int, rounds: int) -> None:
    condition, value = asyncio.Condition(), 0

    async def wait() -> None:
        for number in range(1, rounds + 1):
            async with condition:
                await condition.wait_for(lambda: value >= number)

    async def raise_value() -> None:
        nonlocal value
        for _ in range(rounds):
            await asyncio.sleep(0)
            async with condition:
                value += 1
                condition.notify_all()

    await many(wait, tasks, raise_value)


def measure(name: str, work, count: int, repeats: int) -> None:
    asyncio.run(work())
    times = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        asyncio.run(work())
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / count, name)


tasks, entries, repeats, *woken = map(int, sys.argv[1:])
if woken:
    measure("asyncio.Barrier", lambda: meet(tasks, entries), tasks * entries, repeats)
    measure("asyncio.Event, a pulse each round", lambda: pulse(tasks, entries), tasks * entries, repeats)
    measure("asyncio.Condition, notify_all", lambda: notify_all(tasks, entries), tasks * entries, repeats)
else:
    for kind in asyncio.Lock, asyncio.Semaphore:

        async def work() -> None:
            lock = kind()
            inside = go_in_and_out if tasks == 1 else await_inside
            await many(lambda: inside(lock, entries), tasks)

        measure(f"asyncio.{kind.__name__}", work, tasks * entries, repeats)
