"""Tasks: start them, work meanwhile, name them, own them, and hear of their end."""

import asyncio
import contextvars

request = contextvars.ContextVar("request")


async def fetch(page: str, seconds: float) -> str:
    """Simulates a request: takes its time, and fails for a page that is missing."""
    await asyncio.sleep(seconds)
    if page == "missing":
        raise LookupError(f"{page} not found")
    return f"<{page}>"


async def spawn_work_collect() -> None:
    print("create_task: home takes 600 ms, missing 100 ms, help 200 ms")
    tasks = [
        asyncio.create_task(fetch(page, seconds)) for page, seconds in [("home", 0.6), ("missing", 0.1), ("help", 0.2)]
    ]
    print("  the parent goes on with its own work")
    await asyncio.sleep(0.4)
    print(f"  the parent is done, and so are {sum(task.done() for task in tasks)} of its {len(tasks)} tasks")
    for task in tasks:
        try:
            print(f"  {await task}")
        except LookupError as error:
            print(f"  error: {error}")


def state(task: asyncio.Task) -> str:
    if not task.done():
        return "running"
    return "cancelled" if task.cancelled() else "finished"


def running() -> str:
    """Returns the names of all tasks but this one, sorted, because all_tasks() is a set without an order."""
    return ", ".join(sorted(task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}))


async def name_and_state() -> None:
    print("names: the indexer takes 500 ms, the mailer 100 ms")
    indexer = asyncio.create_task(fetch("index", 0.5), name="indexer")
    mailer = asyncio.create_task(fetch("mail", 0.1), name="mailer")
    print(f"  running: {running()}")
    await asyncio.sleep(0.3)
    print(f"  running: {running()}")
    indexer.cancel()
    print(f"  {indexer.get_name()} is {state(indexer)}: it was asked to end a moment ago")
    await asyncio.wait([indexer, mailer])
    for task in indexer, mailer:
        print(f"  {task.get_name()} is {state(task)}")


class Refreshed:
    """A value that a task keeps fresh."""

    def __init__(self, first: str, seconds: float) -> None:
        self.value = first
        self.task = asyncio.create_task(self.refresh(seconds))

    async def refresh(self, seconds: float) -> None:
        version = 0
        while True:
            await asyncio.sleep(seconds)
            version += 1
            self.value = await fetch(f"version-{version}", 0.1)


async def owners() -> None:
    print("owners: a value keeps itself fresh, an outbox sends two letters")
    prices = Refreshed("<version-0>", 0.2)
    outbox = {asyncio.create_task(fetch(letter, seconds)) for letter, seconds in [("letter-1", 0.2), ("letter-2", 0.7)]}
    await asyncio.sleep(0.58)
    print(f"  the value is {prices.value}")
    prices.task.cancel()
    print("  the value is dropped, and its task ends")
    await asyncio.wait(outbox)
    print("  the outbox is closed: both letters are sent")


async def what_the_child_sees() -> None:
    seen = request.get()
    request.set("request-1/child")
    await fetch("context", 0.1)
    print(f"  the child has seen {seen} and now has {request.get()}")


async def context() -> None:
    print("context: the child gets a copy")
    request.set("request-1")
    child = asyncio.create_task(what_the_child_sees())
    await child
    print(f"  the parent still has {request.get()}")


def outcome(task: asyncio.Task) -> str:
    return "cancelled" if task.cancelled() else task.result()


async def done_callbacks() -> None:
    print("done callbacks: two for a value, one for a cancelled task")
    task = asyncio.create_task(fetch("news", 0.1))
    task.add_done_callback(lambda task: print(f"  first callback: {outcome(task)}"))
    task.add_done_callback(lambda task: print(f"  second callback: {outcome(task)}"))
    await task
    slow = asyncio.create_task(fetch("home", 0.3))
    slow.add_done_callback(lambda task: print(f"  callback: {outcome(task)}"))
    await asyncio.sleep(0.1)
    slow.cancel()
    await asyncio.wait([slow])


async def main() -> None:
    await spawn_work_collect()
    await name_and_state()
    await owners()
    await context()
    await done_callbacks()


asyncio.run(main())
