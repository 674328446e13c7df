"""An event loop at work: callbacks, another thread, and a table that tasks share."""

import asyncio
import collections

PAGES = {"home": "to be or not to be", "news": "all is well", "help": "to err is human"}


async def fetch(page: str, seconds: float) -> str:
    """Simulates a request: takes its time, and fails for a page that is missing."""
    await asyncio.sleep(seconds)
    if page not in PAGES:
        raise LookupError(f"{page} not found")
    return PAGES[page]


async def callbacks() -> None:
    print("callbacks: soon, later, and at a time; one is cancelled, one has a bug")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: print(f"  handler: {context['exception']}"))
    all_called = asyncio.Event()

    def buggy() -> None:
        raise KeyError("no-such-key")

    loop.call_at(loop.time() + 0.2, print, "  at 200 ms")
    loop.call_later(0.1008, print, "  after 100.8 ms")
    loop.call_later(0.1006, print, "  after 100.6 ms")
    reminder = loop.call_later(0.15, print, "  a reminder")
    loop.call_later(0.12, reminder.cancel)
    loop.call_soon(print, "  soon")
    loop.call_soon(buggy)
    loop.call_soon(print, "  after the bug")
    loop.call_later(0.3, all_called.set)
    await all_called.wait()


async def another_thread() -> None:
    print("another thread: it hands in two requests, and waits for each")
    loop = asyncio.get_running_loop()

    def ask(page: str) -> str:
        try:
            return asyncio.run_coroutine_threadsafe(fetch(page, 0.1), loop).result()
        except LookupError as error:
            return f"error: {error}"

    def in_the_thread() -> list[str]:
        return [ask("home"), ask("missing")]

    for answer in await asyncio.to_thread(in_the_thread):
        print(f"  {answer}")


async def shared_table() -> None:
    print("three tasks of one thread: they count words in one table, without a lock")
    counts: collections.Counter[str] = collections.Counter()

    async def count(page: str, seconds: float) -> None:
        counts.update((await fetch(page, seconds)).split())

    await asyncio.gather(count("home", 0.1), count("news", 0.2), count("help", 0.3))
    print(f"  to: {counts['to']}, be: {counts['be']}, is: {counts['is']}")


async def main() -> None:
    await callbacks()
    await another_thread()
    await shared_table()


asyncio.run(main())
