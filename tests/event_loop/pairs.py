"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import collections


async def fetch(page):
    """Simulates a request."""
    await asyncio.sleep(0.001)
    return f"<{page}>"


async def a_runtime_is_a_value():
    log, tasks = [], []

    async def journal():
        try:
            await asyncio.sleep(3600)
        finally:
            log.append("the journal is written")

    async def start_journal():
        tasks.append(asyncio.create_task(journal()))
        await asyncio.sleep(0)

    def program():
        with asyncio.Runner() as runner:
            runner.run(start_journal())
            log.append(runner.run(fetch("home")))
        # the end of `with` has cancelled what is left, and waited

    await asyncio.to_thread(program)
    assert log == ["<home>", "the journal is written"]


async def call_later_and_cancel():
    loop, reminded = asyncio.get_running_loop(), []

    def remind():
        reminded.append(True)

    reminder = loop.call_later(60, remind)
    reminder.cancel()

    await asyncio.sleep(100)
    assert not reminded


async def callbacks_in_exact_order():
    loop, all_called, log = asyncio.get_running_loop(), asyncio.Event(), []
    say = log.append

    loop.call_later(0.0002, say, "second")
    loop.call_later(0.0001, say, "first")
    loop.call_soon(say, "soon")
    loop.call_later(0.01, all_called.set)
    await all_called.wait()

    assert log == ["soon", "first", "second"]


async def ask_from_another_thread():
    loop = asyncio.get_running_loop()

    def ask():
        return asyncio.run_coroutine_threadsafe(fetch("home"), loop).result(timeout=5)

    page = await asyncio.to_thread(ask)

    assert page == "<home>"


async def tasks_that_share_without_a_lock():
    counts = collections.Counter()

    async def count(page):
        counts[len(await fetch(page))] += 1

    async with asyncio.TaskGroup() as tasks:
        for page in ["home", "news"]:
            tasks.create_task(count(page))

    assert counts == {6: 2}
