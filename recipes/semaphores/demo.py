"""Locks: so many at a time, one at a time, an event, a condition, a barrier, and so many a second."""

import asyncio
import contextlib


async def work(on: str, seconds: float) -> None:
    """Stands for a request: takes its time."""
    await asyncio.sleep(seconds)


async def three_at_a_time() -> None:
    print("Semaphore(3): ten fetches of 100 ms, three at a time")
    semaphore = asyncio.Semaphore(3)

    async def fetch(page: str) -> None:
        async with semaphore:
            await work(page, 0.1)

    await asyncio.gather(*(fetch(f"page-{number}") for number in range(1, 11)))
    print("  all ten are there")


async def raise_a_hundred_times(lock) -> int:
    count = 0

    async def raise_by_one() -> None:
        nonlocal count
        async with lock:
            value = count
            await asyncio.sleep(0.001)  # imitates a database
            count = value + 1

    await asyncio.gather(*(raise_by_one() for _ in range(100)))
    return count


async def one_at_a_time() -> None:
    print("Lock: 100 tasks raise a counter; each reads, awaits, and writes")
    print(f"  without a lock it is {await raise_a_hundred_times(contextlib.nullcontext())}")
    print(f"  with a lock it is {await raise_a_hundred_times(asyncio.Lock())}")


async def event() -> None:
    print("Event: two wait, one comes when it is set; then a pulse")
    opened = asyncio.Event()

    async def visitor(name: str) -> None:
        await opened.wait()
        print(f"  {name} goes in")

    visitors = [asyncio.create_task(visitor("early-1")), asyncio.create_task(visitor("early-2"))]
    await asyncio.sleep(0.1)
    opened.set()
    await asyncio.sleep(0.05)
    visitors.append(asyncio.create_task(visitor("late")))
    await asyncio.sleep(0.05)
    opened.clear()
    visitors.append(asyncio.create_task(visitor("next")))
    await asyncio.sleep(0.1)
    opened.set()
    opened.clear()
    await asyncio.gather(*visitors)


async def condition() -> None:
    print("Condition: four customers, one of them in a hurry, and two loaves every 200 ms")
    changed = asyncio.Condition()
    loaves = 0

    async def customer(name: str, patience: float) -> None:
        nonlocal loaves
        async with changed:
            try:
                async with asyncio.timeout(patience):
                    await changed.wait_for(lambda: loaves > 0)
            except TimeoutError:
                print(f"  {name} gives up")
                return
            loaves -= 1
            print(f"  {name} has bread, {loaves} left")

    patience = [("customer-1", 1), ("customer-2", 0.05), ("customer-3", 1), ("customer-4", 1)]
    customers = [asyncio.create_task(customer(name, seconds)) for name, seconds in patience]
    for _ in range(2):
        await asyncio.sleep(0.2)
        async with changed:
            loaves += 2
            changed.notify(2)
    await asyncio.gather(*customers)


async def barrier() -> None:
    print("Barrier(3): three loaders meet after each phase, and loader-b fails in the second")
    phase_done = asyncio.Barrier(3)

    async def loader(name: str, first: float, second: float | None) -> None:
        try:
            await work(name, first)
            print(f"  {name} has index {await phase_done.wait()}")
            if second is None:
                await work(name, 0.25)
                print(f"  {name} fails, and aborts the barrier")
                await phase_done.abort()
                return
            await work(name, second)
            await phase_done.wait()
        except asyncio.BrokenBarrierError:
            print(f"  {name} finds it broken")

    await asyncio.gather(loader("loader-a", 0.3, 0.05), loader("loader-b", 0.1, None), loader("loader-c", 0.2, 0.15))


class RateLimit:
    """So many at once, and then one more each time that `every` seconds have passed."""

    def __init__(self, burst: int, every: float) -> None:
        self.burst, self.every = burst, every
        self.all_back = 0.0  # when as many as in a burst may come again
        self.turn = asyncio.Lock()

    async def until_ready(self) -> None:
        clock = asyncio.get_running_loop().time
        async with self.turn:
            wait = self.all_back - self.every * (self.burst - 1) - clock()
            if wait > 0:
                await asyncio.sleep(wait)
            self.all_back = max(self.all_back, clock()) + self.every


async def so_many_a_second() -> None:
    print("a rate limit: two at once, then one each 100 ms; each takes 250 ms")
    limit = RateLimit(burst=2, every=0.1)

    async def request(name: str) -> None:
        await limit.until_ready()
        print(f"  {name} starts")
        await work(name, 0.25)

    await asyncio.gather(*(request(f"request-{number}") for number in range(1, 6)))
    print("  all five are answered")


async def main() -> None:
    await three_at_a_time()
    await one_at_a_time()
    await event()
    await condition()
    await barrier()
    await so_many_a_second()


asyncio.run(main())
