"""Blocking calls on threads, computing on every core, and work that may crash in processes of its own."""

import asyncio
import math
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

# A process with threads must not be forked.
SPAWN = multiprocessing.get_context("spawn")


class Gauge:
    """Counts how many calls run at once."""

    def __init__(self) -> None:
        self.lock, self.inside, self.peak = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.peak = max(self.peak, self.inside)

    def __exit__(self, *_) -> None:
        with self.lock:
            self.inside -= 1


def read(report: str, gauge: Gauge) -> str:
    """Simulates a blocking call."""
    with gauge:
        time.sleep(0.05)
    return f"<{report}>"


def yes_or_no(yes: bool) -> str:
    return "yes" if yes else "no"


async def blocking_reads() -> None:
    print("run_in_executor: five blocking reads, three at a time")
    loop, gauge = asyncio.get_running_loop(), Gauge()
    with ThreadPoolExecutor(max_workers=3) as pool:
        reads = [loop.run_in_executor(pool, read, f"report-{number}", gauge) for number in range(1, 6)]
        print(f"  {' '.join(await asyncio.gather(*reads))}")
    print(f"  more than three at once: {yes_or_no(gauge.peak > 3)}")


def select(row: int) -> str:
    """Simulates a query with a blocking driver."""
    return f"<row-{row}>"


async def queries_on_their_own_threads() -> None:
    print("ThreadPoolExecutor: three queries on threads of their own")
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="database") as pool:
        rows = [asyncio.wrap_future(pool.submit(select, row)) for row in (1, 2, 3)]
        print(f"  {' '.join(await asyncio.gather(*rows))}")
    print("  the threads are gone")


def connect() -> None:
    print(f"  {threading.current_thread().name} has connected")


def square(number: int) -> int:
    return number * number


def query(begun: threading.Event, end: threading.Event) -> None:
    """Signals that it has begun, and waits until it may end."""
    begun.set()
    end.wait()


async def one_thread_with_a_connection() -> None:
    print("ThreadPoolExecutor: one thread, with a name and an initializer")
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database", initializer=connect)
    squares = [asyncio.wrap_future(pool.submit(square, number)) for number in (1, 2, 3)]
    print(f"  squares: {await asyncio.gather(*squares)}")

    begun, end = threading.Event(), threading.Event()
    running = pool.submit(query, begun, end)
    await asyncio.to_thread(begun.wait)
    waiting = [pool.submit(square, number) for number in (4, 5, 6)]
    print(f"  cancel of the job that runs: {yes_or_no(running.cancel())}")
    print(f"  cancel of a job that waits: {yes_or_no(waiting[0].cancel())}")
    pool.shutdown(wait=False, cancel_futures=True)
    end.set()
    await asyncio.wrap_future(running)
    done = sum(not job.cancelled() for job in waiting)
    print(f"  shutdown: of the three that waited, {done} done, {len(waiting) - done} cancelled")


def sum_of_primes(below: int) -> int:
    return sum(n for n in range(2, below) if all(n % d for d in range(2, math.isqrt(n) + 1)))


async def sums_on_every_core() -> None:
    print("computing: four sums of primes, on all cores")
    loop, limits = asyncio.get_running_loop(), [10_000, 20_000, 30_000, 40_000]
    with ProcessPoolExecutor(mp_context=SPAWN) as pool:
        sums = await asyncio.gather(*(loop.run_in_executor(pool, sum_of_primes, limit) for limit in limits))
    for limit, total in zip(limits, sums):
        print(f"  below {limit}: {total}")


def search(stop: threading.Event) -> None:
    """Searches a chunk at a time, until `stop` is set."""
    while not stop.is_set():
        sum(range(2, 10_000))


async def search_without_an_end() -> None:
    print("computing: a search without an end, for 50 ms")
    stop = threading.Event()
    searching = asyncio.create_task(asyncio.to_thread(search, stop))
    try:
        await asyncio.wait_for(asyncio.shield(searching), timeout=0.05)
    except TimeoutError:
        print("  it takes too long")
    stop.set()
    await searching
    print("  it has stopped between two chunks")


def work(job: str, number: int = 0) -> int:
    """The jobs that a worker can do."""
    match job:
        case "SquareRoot":
            if number < 0:
                raise ValueError(f"{number} has no root")
            return math.isqrt(number)
        case "Exit":
            os._exit(3)
        case "ProcessId":
            return os.getpid()
    raise ValueError(job)


async def jobs_that_crash() -> None:
    print("ProcessPoolExecutor: a crash takes a process along, and not the program")
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(max_workers=1, mp_context=SPAWN) as pool:
        for job in [("SquareRoot", 144), ("SquareRoot", -1), ("Exit",), ("SquareRoot", 169)]:
            name = "Exit" if job == ("Exit",) else "{}({})".format(*job)
            try:
                print(f"  {name}: {await loop.run_in_executor(pool, work, *job)}")
            except ValueError as error:
                print(f"  {name}: error: {error}")
            except BrokenProcessPool:
                print(f"  {name}: the pool is broken")
    with ProcessPoolExecutor(max_workers=1, mp_context=SPAWN) as pool:
        print(f"  a new pool: {await loop.run_in_executor(pool, work, 'SquareRoot', 169)}")


async def a_process_for_each_job() -> None:
    print("ProcessPoolExecutor(max_tasks_per_child=1): three jobs")
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(max_tasks_per_child=1, mp_context=SPAWN) as pool:
        processes = await asyncio.gather(*(loop.run_in_executor(pool, work, "ProcessId") for _ in range(3)))
    print(f"  in {len(set(processes))} processes")


async def main() -> None:
    await blocking_reads()
    await queries_on_their_own_threads()
    await one_thread_with_a_connection()
    await sums_on_every_core()
    await search_without_an_end()
    await jobs_that_crash()
    await a_process_for_each_job()


if __name__ == "__main__":
    asyncio.run(main())
