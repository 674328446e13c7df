"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import contextlib


async def clean_up_that_does_not_wait():
    log, is_late = [], False

    async def work():
        await asyncio.sleep(60)

    async def backup():
        try:
            await work()
        finally:
            log.append("unlocked")

    try:
        await asyncio.wait_for(backup(), 0.01)
    except TimeoutError:
        is_late = True

    assert (is_late, log) == (True, ["unlocked"])


async def clean_up_that_awaits():
    log = []

    async def query(connection):
        return len(connection)

    @contextlib.asynccontextmanager
    async def connected():
        connection = ["ada"]
        try:
            yield connection
        finally:
            await asyncio.sleep(0.01)
            log.append(f"closed {len(connection)}")

    async with connected() as connection:
        users = await query(connection)

    assert (users, log) == (1, ["closed 1"])


async def the_end_waits_for_clean_ups():
    log, tasks = [], []

    async def close():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            log.append("closed")

    async def main():
        tasks.append(asyncio.create_task(close()))
        await asyncio.sleep(0)
        return "served"

    def program():
        return asyncio.run(main())  # cancels what is left, and waits for its exits

    answer = await asyncio.to_thread(program)
    assert (answer, log) == ("served", ["closed"])


async def resources_whose_number_is_known_late():
    closed = []

    @contextlib.asynccontextmanager
    async def opened(name):
        try:
            yield name
        finally:
            closed.append(name)

    async with contextlib.AsyncExitStack() as stack:
        for name in ["a.txt", "b.txt"]:
            await stack.enter_async_context(opened(name))
        copied = "copied"

    assert (copied, closed) == ("copied", ["b.txt", "a.txt"])


async def a_limit_or_none():
    two, pages = asyncio.Semaphore(2), []

    async def fetch():
        return "page"

    for limit in [two, None]:
        async with limit or contextlib.nullcontext():
            pages.append(await fetch())

    assert pages == ["page", "page"]
