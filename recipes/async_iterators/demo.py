"""Async iterators: written by hand, as generators, read ahead, worked on three at a time, left early, talked with."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple


class Countdown:
    """The numbers from `start` down to 1, each a period after the one before it was taken."""

    def __init__(self, start: int, period: float) -> None:
        self.left = start
        self.period = period

    def __aiter__(self) -> "Countdown":
        return self

    async def __anext__(self) -> int:
        if self.left == 0:
            raise StopAsyncIteration
        await asyncio.sleep(self.period)
        self.left -= 1
        return self.left + 1


async def by_hand() -> None:
    print("by hand: a countdown, 50 ms a number")
    async for number in Countdown(3, 0.05):
        print(f"  {number}")


class Page(NamedTuple):
    rows: list[str]
    next: int | None


async def fetch(page: int) -> Page:
    """Simulates a request: takes 300 ms. There are two pages, and a link to a third."""
    await asyncio.sleep(0.3)
    if page == 3:
        raise LookupError(f"page {page} not found")
    return Page([f"row {2 * page - 1}", f"row {2 * page}"], page + 1)


async def rows(first: int) -> AsyncIterator[str]:
    """The rows of all pages; the next page is fetched while the rows of this one are handled."""
    fetching = asyncio.create_task(fetch(first))
    try:
        while True:
            page = await fetching
            if page.next is not None:
                fetching = asyncio.create_task(fetch(page.next))
            for row in page.rows:
                yield row
            if page.next is None:
                return
    finally:
        fetching.cancel()


async def handle(item: str, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def pages() -> None:
    print("pages: a page takes 300 ms, handling a row 120 ms, and the third page is missing")
    try:
        async for row in rows(1):
            await handle(row, 0.12)
            print(f"  {row}")
    except LookupError as error:
        print(f"  error: {error}")


File = tuple[str, float]
Download = Callable[[File], Awaitable[str]]
FILES: list[File] = [("file-1", 0.45), ("file-2", 0.1), ("file-3", 0.2), ("file-4", 0.2), ("file-5", 0.3), ("file-6", 0.3)]

async def files() -> AsyncIterator[File]:
    for file in FILES:
        yield file


async def download(file: File) -> str:
    name, seconds = file
    await asyncio.sleep(seconds)
    return name


async def in_order(source: AsyncIterator[File], limit: int, work: Download) -> AsyncIterator[str]:
    tasks = deque()
    async for item in source:
        tasks.append(asyncio.create_task(work(item)))
        if len(tasks) == limit:
            yield await tasks.popleft()
    while tasks:
        yield await tasks.popleft()


async def out_of_order(source: AsyncIterator[File], limit: int, work: Download) -> AsyncIterator[str]:
    tasks = set()
    async for item in source:
        tasks.add(asyncio.create_task(work(item)))
        if len(tasks) == limit:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    while tasks:
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            yield task.result()


async def in_order_of_the_files() -> None:
    print("in order: six files, three at a time; the first takes longest")
    async for name in in_order(files(), 3, download):
        print(f"  {name}")


async def in_order_of_completion() -> None:
    print("out of order: the same files, each when it is there")
    async for name in out_of_order(files(), 3, download):
        print(f"  {name}")


async def read(table: str, number: int) -> str:
    await asyncio.sleep(0.05)
    return f"{table} {number}"


async def close_cursor(table: str) -> None:
    await asyncio.sleep(0.2)
    print(f"  {table}: the cursor is closed")


async def cursor(table: str) -> AsyncGenerator[str, None]:
    number = 0
    try:
        while True:
            number += 1
            yield await read(table, number)
    finally:
        await close_cursor(table)


async def closed() -> None:
    print("break, and aclose: the clean-up is waited for")
    async with aclosing(cursor("orders")) as orders:
        async for row in orders:
            print(f"  {row}")
            if row == "orders 2":
                break
    print("  the loop is left")


async def forgotten() -> None:
    print("break, and no aclose: the clean-up goes on by itself")
    async for row in cursor("letters"):
        print(f"  {row}")
        if row == "letters 2":
            break
    print("  the loop is left")


async def weigh(value: float) -> float:
    await asyncio.sleep(0.15)
    return value


async def average() -> AsyncGenerator[float | None, float]:
    value = yield None
    total, count = 0.0, 0
    while True:
        total += await weigh(value)
        count += 1
        value = yield total / count


async def two_way() -> None:
    print("asend: a value in, the average of all so far out")
    async with aclosing(average()) as averages:
        await averages.asend(None)
        for value in [10, 20, 60]:
            print(f"  {value} in, {await averages.asend(value):.0f} out")


async def main() -> None:
    await by_hand()
    await pages()
    await in_order_of_the_files()
    await in_order_of_completion()
    await closed()
    await forgotten()
    await two_way()


asyncio.run(main())
