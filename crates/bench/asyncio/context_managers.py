"""The asyncio side of benches/context_managers.rs: a body that suspends once, and a clean-up that counts."""

import asyncio
import statistics
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager

closed = 0


async def close() -> None:
    global closed
    closed += 1


class Resource:
    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *exception) -> None:
        await close()


@asynccontextmanager
async def resource():
    try:
        yield
    finally:
        await close()


@asynccontextmanager
async def shielded():
    try:
        yield
    finally:
        await asyncio.shield(asyncio.create_task(close()))


def each(manager):
    async def work(items: int) -> None:
        for _ in range(items):
            async with manager():
                await asyncio.sleep(0)

    return work


async def stacks(items: int) -> None:
    for _ in range(items):
        async with AsyncExitStack() as stack:
            stack.push_async_callback(close)
            await asyncio.sleep(0)


async def one_stack(items: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(items):
            stack.push_async_callback(close)
            await asyncio.sleep(0)


def measure(name: str, work, items: int, rounds: int) -> None:
    global closed
    asyncio.run(work(items))
    times = []
    for _ in range(rounds):
        closed = 0
        start = time.perf_counter_ns()
        asyncio.run(work(items))
        times.append(time.perf_counter_ns() - start)
        assert closed == items
    print(statistics.median(times) / items, name)


items, rounds = map(int, sys.argv[1:])
measure("async with, a class", each(Resource), items, rounds)
measure("asynccontextmanager", each(resource), items, rounds)
measure("asynccontextmanager, shielded clean-up", each(shielded), items, rounds)
measure("AsyncExitStack, one callback each", stacks, items, rounds)
measure("AsyncExitStack, one for all", one_stack, items, rounds)
