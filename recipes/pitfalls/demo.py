"""Ten classic pitfalls, each of them broken and fixed."""

import asyncio
import queue
import time


async def work(value, seconds: float):
    """Stands for work that waits."""
    await asyncio.sleep(seconds)
    return value


async def greet(outbox: list[str], guest: str) -> None:
    outbox.append(f"Welcome, {guest}")


async def forgotten_await() -> None:
    print("forgotten_await: a call without an await does nothing")
    outbox: list[str] = []
    for guest in ["Ann", "Bob"]:
        greet(outbox, guest)
    print(f"  broken: {len(outbox)} of 2 greetings sent")
    for guest in ["Ann", "Bob"]:
        await greet(outbox, guest)
    print(f"  fixed: {len(outbox)} of 2 greetings sent")


async def one_after_the_other() -> None:
    print("one_after_the_other: awaits in a loop wait one after the other")
    pages = [await work(page, 0.1) for page in ["home", "news"]]
    print(f"  broken: {', '.join(pages)}")
    pages = await asyncio.gather(*(work(page, 0.1) for page in ["home", "news"]))
    print(f"  fixed: {', '.join(pages)}")


async def cpu_on_the_runtime() -> None:
    print("cpu_on_the_runtime: computing keeps its thread from all others")

    async def other(turns: queue.Queue) -> None:
        turns.put("the others had their turn")

    def compute(turns: queue.Queue, patience: float) -> str:
        try:
            return turns.get(timeout=patience)
        except queue.Empty:
            return "the others had no turn"

    turns: queue.Queue = queue.Queue()
    task = asyncio.create_task(other(turns))
    print(f"  broken: {compute(turns, 0.01)}")
    print(f"  fixed: {await asyncio.to_thread(compute, turns, 10)}")
    await task


async def blocking_sleep() -> None:
    print("blocking_sleep: a blocking sleep stops all tasks")

    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.03)
            beats += 1

    task = asyncio.create_task(heart())
    await asyncio.sleep(0)
    asked = 1
    for _ in range(2):
        time.sleep(0.05)
        asked += 1
    print(f"  broken: {beats} heart-beats while it asked {asked} times")
    task.cancel()

    task = asyncio.create_task(heart())
    await asyncio.sleep(0)
    asked = 1
    for _ in range(2):
        await asyncio.sleep(0.05)
        asked += 1
    print(f"  fixed: {beats} heart-beats while it asked {asked} times")
    task.cancel()


async def cancelled_halfway() -> None:
    print("cancelled_halfway: what follows an await may never run")

    async def broken(accounts: dict[str, int]) -> None:
        accounts["from"] -= 30
        await work("approval", 0.2)
        accounts["to"] += 30

    async def fixed(accounts: dict[str, int]) -> None:
        await work("approval", 0.2)
        accounts["from"] -= 30
        accounts["to"] += 30

    for name, transfer in [("broken", broken), ("fixed", fixed)]:
        accounts = {"from": 100, "to": 0}
        try:
            await asyncio.wait_for(transfer(accounts), 0.1)
        except TimeoutError:
            pass
        print(f"  {name}: 100 before the timeout, {sum(accounts.values())} after it")


async def tasks_without_limit() -> None:
    print("tasks_without_limit: a task for every item, at once")

    async def handle(item: str) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await work(item, 0.1)
        now -= 1

    now = most = 0
    await asyncio.gather(*(handle(item) for item in "abc"))
    print(f"  broken: {most} of 3 items at a time")

    now = most = 0
    tasks: set[asyncio.Task] = set()
    for item in "abc":
        if len(tasks) >= 2:
            _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        tasks.add(asyncio.create_task(handle(item)))
    await asyncio.gather(*tasks)
    print(f"  fixed: {most} of 3 items at a time")


class BufferedFile:
    """Writes to its disk when it is closed."""

    def __init__(self) -> None:
        self.buffer: list[str] = []
        self.disk: list[str] = []

    async def close(self) -> None:
        self.disk += self.buffer

    async def __aenter__(self) -> "BufferedFile":
        return self

    async def __aexit__(self, *_) -> None:
        await self.close()


async def resource_not_closed() -> None:
    print("resource_not_closed: an error returns before the close")

    async def write_rows(file: BufferedFile) -> None:
        file.buffer += ["one", "two"]
        raise OSError("no third")

    file = BufferedFile()
    try:
        await write_rows(file)
        await file.close()
    except OSError as error:
        print(f"  broken: {len(file.disk)} of 2 rows in the file, {error}")

    file = BufferedFile()
    try:
        async with file:
            await write_rows(file)
    except OSError as error:
        print(f"  fixed: {len(file.disk)} of 2 rows in the file, {error}")


async def nested_runtime() -> None:
    print("nested_runtime: a runtime inside of a runtime")
    prices = {"tea": 3, "coffee": 4}

    first = work(prices["tea"], 0.1)
    try:
        print(f"  broken: {asyncio.run(first)} in all")
    except RuntimeError:
        first.close()
        print("  broken: refused: one is running")

    total = 0
    for price in prices.values():
        total += await work(price, 0.1)
    print(f"  fixed: {total} in all")


async def swallowed_error() -> None:
    print("swallowed_error: an error in the background is lost")

    async def save() -> None:
        await asyncio.sleep(0.1)
        raise OSError("disk full")

    async def save_quietly() -> None:
        try:
            await save()
        except OSError:
            pass

    await asyncio.create_task(save_quietly())
    print("  broken: heard of nothing")

    def report(task: asyncio.Task) -> None:
        reported.set_result(task.exception())

    reported = asyncio.get_running_loop().create_future()
    saving = asyncio.create_task(save())
    saving.add_done_callback(report)
    print(f"  fixed: heard of: {await reported}")


async def forgotten_task_done() -> None:
    print("forgotten_task_done: join waits for a job that has failed")

    async def handle(job: str) -> None:
        await asyncio.sleep(0.1)
        if job == "bad":
            raise ValueError("bad job")

    async def broken(jobs: asyncio.Queue) -> None:
        while True:
            job = await jobs.get()
            try:
                await handle(job)
            except ValueError:
                continue
            jobs.task_done()

    async def fixed(jobs: asyncio.Queue) -> None:
        while True:
            job = await jobs.get()
            try:
                await handle(job)
            except ValueError:
                continue
            finally:
                jobs.task_done()

    for name, worker in [("broken", broken), ("fixed", fixed)]:
        jobs: asyncio.Queue = asyncio.Queue(16)
        task = asyncio.create_task(worker(jobs))
        for job in ["bad", "good"]:
            await jobs.put(job)
        try:
            await asyncio.wait_for(jobs.join(), 1)
            print(f"  {name}: join has returned")
        except TimeoutError:
            print(f"  {name}: join has not returned after a second")
        task.cancel()


async def main() -> None:
    await forgotten_await()
    await one_after_the_other()
    await cpu_on_the_runtime()
    await blocking_sleep()
    await cancelled_halfway()
    await tasks_without_limit()
    await resource_not_closed()
    await nested_runtime()
    await swallowed_error()
    await forgotten_task_done()


asyncio.run(main())
