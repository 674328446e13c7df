"""An event loop at work: callbacks, another thread, a table that tasks share, and a graceful shutdown."""

import asyncio
import collections
import signal

PAGES = {"home": "to be or not to be", "news": "all is well", "help": "to err is human"}


async def fetch(page: str, seconds: float) -> str:
    """Stands for a request: takes its time, and fails for a page that is missing."""
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


async def job(name: str, seconds: float) -> None:
    """Takes its time; when it is cancelled, it saves what it has."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(f"  {name} saves its work")
        await asyncio.sleep(0.05)
        raise


async def stubborn_job() -> None:
    """Does not listen the first time."""
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        await asyncio.sleep(10)


async def graceful_shutdown() -> None:
    print("a service: a job each 100 ms; SIGTERM comes after 350 ms")
    stop = asyncio.Event()
    # Stands for loop.add_signal_handler(signal.SIGTERM, stop.set).
    asyncio.get_running_loop().call_later(0.35, stop.set)
    jobs: set[asyncio.Task[None]] = set()

    def account(task: asyncio.Task[None]) -> None:
        print(f"  {task.get_name()} {'was cancelled' if task.cancelled() else 'has finished'}")

    async def take_in() -> None:
        for work in (job("job-1", 0.25), job("job-2", 0.4), job("job-3", 10), stubborn_job()):
            task = asyncio.create_task(work, name=f"job-{len(jobs) + 1}")
            task.add_done_callback(account)
            jobs.add(task)
            await asyncio.sleep(0.1)

    intake = asyncio.create_task(take_in())
    await stop.wait()
    print(f"  {signal.SIGTERM.name}: nothing new, 250 ms to finish, then 150 ms to clean up")
    intake.cancel()
    finished, in_flight = await asyncio.wait(jobs, timeout=0.25)
    for task in in_flight:
        task.cancel()
    cancelled, stragglers = await asyncio.wait(in_flight, timeout=0.15)
    names = ", ".join(task.get_name() for task in stragglers)
    print(f"  {len(finished)} finished, {len(cancelled)} cancelled, left: {names}")
    for task in stragglers:
        task.remove_done_callback(account)
        task.cancel()


async def main() -> None:
    await callbacks()
    await another_thread()
    await shared_table()
    await graceful_shutdown()


asyncio.run(main())
