"""Seven faults, what one sees of each, and what a look into the program says."""

import asyncio
import collections


def innermost(coroutine) -> str:
    """The name of the innermost coroutine of this program in which a task waits."""
    while getattr(getattr(coroutine.cr_await, "cr_code", None), "co_filename", None) == __file__:
        coroutine = coroutine.cr_await
    return coroutine.__name__


def waiting(tasks) -> str:
    return ", ".join(f"{task.get_name()} waits for {innermost(task.get_coro())}" for task in tasks)


async def cancel(tasks) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def hangs() -> None:
    print("it hangs: each of two tasks waits for the other's word")
    anns_word, bobs_word = asyncio.Event(), asyncio.Event()

    async def word_of_bob() -> None:
        await bobs_word.wait()

    async def word_of_ann() -> None:
        await anns_word.wait()

    async def ann() -> None:
        await word_of_bob()
        anns_word.set()

    async def bob() -> None:
        await word_of_ann()
        bobs_word.set()

    tasks = [asyncio.create_task(ann(), name="ann"), asyncio.create_task(bob(), name="bob")]
    await asyncio.sleep(1)
    print(f"  {waiting(tasks)}")
    await cancel(tasks)


class Locks:
    """Which lock was asked for while which other one was held."""

    def __init__(self) -> None:
        self.held = collections.defaultdict(list)
        self.after = []

    def lock(self, name: str) -> "Lock":
        return Lock(self, name)


class Lock:
    def __init__(self, locks: Locks, name: str) -> None:
        self.locks, self.name, self.inner = locks, name, asyncio.Lock()

    async def __aenter__(self) -> None:
        held = self.locks.held[asyncio.current_task()]
        for other in held:
            self.locks.after.append((other, self.name))
            if (self.name, other) in self.locks.after:
                print(f"  {other} before {self.name}, and elsewhere {self.name} before {other}")
        await self.inner.acquire()
        held.append(self.name)

    async def __aexit__(self, *_) -> None:
        self.inner.release()
        self.locks.held[asyncio.current_task()].remove(self.name)


async def lock_order() -> None:
    print("it hangs now and then: two transfers take two locks in opposite orders")
    locks = Locks()
    ann, bob = locks.lock("ann"), locks.lock("bob")

    async def transfer(name: str, source: Lock, target: Lock) -> None:
        async with source:
            await asyncio.sleep(0.1)
            async with target:
                print(f"  {name} is done")

    # One after the other: no dead-lock, and the orders are known all the same.
    await asyncio.create_task(transfer("ann to bob", ann, bob))
    await asyncio.create_task(transfer("bob to ann", bob, ann))


async def blocks() -> None:
    print("one request holds up all: a heart should beat five times meanwhile")
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    async def computes(yields: bool) -> None:
        for _ in range(5):
            sum(range(100))
            if yields:
                await asyncio.sleep(0)

    for yields, how in [(False, "without an await"), (True, "with an await in its loop")]:
        beats = 0
        heart = asyncio.create_task(beat())
        await computes(yields)
        print(f"  {how}: it has beaten {beats} times")
        await cancel([heart])


async def leaks() -> None:
    print("memory grows: each session starts a heartbeat")

    async def heartbeat() -> None:
        while True:
            await asyncio.sleep(10)

    async def session(owns: bool) -> None:
        heart = asyncio.create_task(heartbeat(), name="heartbeat")
        await asyncio.sleep(0.1)
        if owns:
            await cancel([heart])

    def alive() -> int:
        return sum(task.get_name() == "heartbeat" for task in asyncio.all_tasks())

    for owns, how in [(False, "detached"), (True, "owned by its session")]:
        before = alive()
        for _ in range(3):
            await session(owns)
        print(f"  {how}: {alive() - before} more after 3 sessions")
    await cancel([task for task in asyncio.all_tasks() if task.get_name() == "heartbeat"])


async def queues() -> None:
    print("memory grows: the producer is quicker than the consumer")

    async def produce(queue: asyncio.Queue) -> None:
        for _ in range(100):
            await queue.put("item")

    for limit, how in [(0, "without a limit"), (10, "with a limit of 10")]:
        queue = asyncio.Queue(limit)
        producer = asyncio.create_task(produce(queue))
        for _ in range(10):
            await queue.get()
            await asyncio.sleep(0.1)
        print(f"  {how}: {queue.qsize()} items wait after ten are handled")
        await cancel([producer])


async def fails() -> None:
    print("nothing happens: a task has failed that no other awaits")
    reports = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reports.put_nowait(context["exception"]))

    async def poll() -> None:
        await asyncio.sleep(0.1)
        raise LookupError("no such page")

    asyncio.create_task(poll())
    print(f"  reported: {await reports.get()}")


async def does_not_end() -> None:
    print("it does not end: a loop over a queue, and a sender is left")
    queue = asyncio.Queue()

    async def next_item() -> str | None:
        return await queue.get()

    async def collect() -> None:
        while await next_item() is not None:
            pass

    async def keep() -> None:
        await end_of_keeper()
        queue.put_nowait(None)

    async def end_of_keeper() -> None:
        await asyncio.Event().wait()

    queue.put_nowait("item")
    tasks = [asyncio.create_task(collect(), name="collector"), asyncio.create_task(keep(), name="keeper")]
    await asyncio.sleep(1)
    print(f"  {waiting(tasks)}")
    await cancel(tasks)


async def main() -> None:
    await hangs()
    await lock_order()
    await blocks()
    await leaks()
    await queues()
    await fails()
    await does_not_end()


asyncio.run(main())
