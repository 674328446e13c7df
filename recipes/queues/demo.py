"""Queues: a producer and consumers, jobs that are all done, batches, the most urgent first, and one item for many."""

import asyncio


async def work(on: str, seconds: float, fails: bool = False) -> None:
    """Stands for a request: takes its time, and can fail."""
    await asyncio.sleep(seconds)
    if fails:
        raise RuntimeError(f"{on} failed")


async def produce_four(queue: asyncio.Queue, consumers: int) -> None:
    for number in range(1, 5):
        await asyncio.sleep(0.01)  # imitates making it
        if queue.full():
            print(f"  item-{number} waits for room")
        await queue.put(f"item-{number}")
    print("  the producer has ended: it closes the queue")
    for _ in range(consumers):
        await queue.put(None)  # a sentinel for each: a Queue of Python 3.11 cannot be closed


async def consume(name: str, queue: asyncio.Queue, seconds: float) -> None:
    while (item := await queue.get()) is not None:
        await asyncio.sleep(seconds)
        print(f"  {name} has done {item}")


async def producer_and_consumers() -> None:
    print("Queue(maxsize=1): one producer of four items, two consumers")
    queue = asyncio.Queue(maxsize=1)
    await asyncio.gather(
        consume("consumer-1", queue, 0.3), consume("consumer-2", queue, 0.5), produce_four(queue, consumers=2)
    )
    print("  the consumers have ended")


async def worker(queue: asyncio.Queue) -> None:
    while True:
        name, seconds, fails = await queue.get()
        try:
            await work(name, seconds, fails)
            print(f"  {name} is done")
        except RuntimeError as error:
            print(f"  {error} and goes back into the queue")
            queue.put_nowait((name, seconds, False))
        finally:
            queue.task_done()


async def all_jobs_done() -> None:
    print("join: four jobs, three workers, and job-2 fails the first time")
    queue = asyncio.Queue()
    for number, seconds in enumerate([0.1, 0.2, 0.3, 0.6], start=1):
        queue.put_nowait((f"job-{number}", seconds, number == 2))
    workers = [asyncio.create_task(worker(queue)) for _ in range(3)]
    await queue.join()
    print("  join: all four are done")
    for task in workers:
        task.cancel()


async def produce_events(queue: asyncio.Queue) -> None:
    await asyncio.sleep(0.03)
    for number in range(1, 4):
        await queue.put(f"event-{number}")
    await asyncio.sleep(0.1)
    await queue.put("event-4")
    await asyncio.sleep(0.2)  # meanwhile the second batch is due
    await queue.put(None)  # the sentinel


async def next_batch(queue: asyncio.Queue, size: int, seconds: float) -> list:
    batch = [await queue.get()]
    try:
        async with asyncio.timeout(seconds):
            while len(batch) < size and batch[-1] is not None:
                batch.append(await queue.get())
    except TimeoutError:
        pass  # due
    return batch


async def store_batches(queue: asyncio.Queue) -> None:
    batch = []
    while None not in batch:
        batch = await next_batch(queue, 3, 0.1)
        if events := [event for event in batch if event is not None]:
            await store(" ".join(events))


async def store(events: str) -> None:
    await asyncio.sleep(0.02)
    print(f"  stored {events}")


async def three_at_a_time() -> None:
    print("batch: three events, or what came within 100 ms of the first")
    queue = asyncio.Queue(maxsize=5)
    await asyncio.gather(store_batches(queue), produce_events(queue))


async def most_urgent_first() -> None:
    print("PriorityQueue: an alarm comes while the worker is busy")
    queue = asyncio.PriorityQueue()
    for job in [(3, "statistics"), (2, "backup"), (2, "report")]:
        queue.put_nowait(job)

    async def one_after_the_other() -> None:
        while True:
            priority, name = await queue.get()
            await work(name, 0.08)
            print(f"  {priority} {name}")
            queue.task_done()

    only = asyncio.create_task(one_after_the_other())
    await asyncio.sleep(0)  # meanwhile the worker takes its first job
    await queue.put((1, "alarm"))
    await queue.join()
    only.cancel()


class Subscriber:
    """Handles one item at a time, and keeps the newest few of those that wait."""

    def __init__(self, name: str, seconds: float, keeps: int, counts_missed: bool) -> None:
        self.name, self.seconds, self.counts_missed = name, seconds, counts_missed
        self.queue = asyncio.Queue(maxsize=keeps)
        self.missed = 0
        self.task = asyncio.create_task(self.run())

    def send(self, item: str) -> None:
        if self.queue.full():
            self.queue.get_nowait()
            self.queue.task_done()
            self.missed += 1
        self.queue.put_nowait(item)

    async def run(self) -> None:
        while True:
            item = await self.queue.get()
            if self.missed and self.counts_missed:
                print(f"  {self.name}: missed {self.missed}")
            self.missed = 0
            if self.seconds:
                await asyncio.sleep(self.seconds)
            print(f"  {self.name}: {item}")
            self.queue.task_done()


async def send_prices(subscribers: list[Subscriber]) -> None:
    """Sends five prices at once, and waits until every subscriber has handled what is left."""
    for number in range(1, 6):
        for subscriber in subscribers:
            subscriber.send(f"price-{number}")
        await asyncio.sleep(0)  # lets those run that are not busy
    for subscriber in subscribers:
        await subscriber.queue.join()
        subscriber.task.cancel()


async def every_price() -> None:
    print("broadcast: five prices at once, a buffer of two, a quick subscriber and a slow one")
    await send_prices(
        [
            Subscriber("quick", 0, keeps=2, counts_missed=True),
            Subscriber("slow", 0.1, keeps=2, counts_missed=True),
        ]
    )


async def newest_price() -> None:
    print("watch: five prices at once, and a slow subscriber who wants the newest")
    await send_prices([Subscriber("slow", 0.1, keeps=1, counts_missed=False)])


async def main() -> None:
    await producer_and_consumers()
    await all_jobs_done()
    await three_at_a_time()
    await most_urgent_first()
    await every_price()
    await newest_price()


asyncio.run(main())
