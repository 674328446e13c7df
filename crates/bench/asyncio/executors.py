"""The asyncio side of benches/executors.rs: a sum on two threads or processes, or (1) a job that does nothing."""

import asyncio
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from measure import measure

MASK = 2**64 - 1
SPAWN = multiprocessing.get_context("spawn")


def random_sum(seed: int, numbers: int) -> int:
    state, total = seed, 0
    for _ in range(numbers):
        state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) & MASK
        total += (state ^ (state >> 29)) >> 33
    return total & MASK


def nothing() -> None:
    pass


def the_sum(numbers: int, parts: int, rounds: int) -> None:
    each = numbers // parts

    async def on(pool) -> None:
        loop = asyncio.get_running_loop()
        sums = await asyncio.gather(*(loop.run_in_executor(pool, random_sum, seed, each) for seed in range(parts)))
        assert len(sums) == parts

    measure("asyncio: inline", lambda: [random_sum(seed, each) for seed in range(parts)], numbers, rounds)
    with asyncio.Runner() as runner:
        with ThreadPoolExecutor(2) as pool:
            measure("asyncio: ThreadPoolExecutor", lambda: runner.run(on(pool)), numbers, rounds)
        with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
            measure("asyncio: ProcessPoolExecutor", lambda: runner.run(on(pool)), numbers, rounds)


def jobs_that_do_nothing(jobs: int, processes: int, rounds: int) -> None:
    async def one_after_the_other(run, jobs) -> None:
        for _ in range(jobs):
            await run()

    async def on(pool, jobs) -> None:
        loop = asyncio.get_running_loop()
        await one_after_the_other(lambda: loop.run_in_executor(pool, nothing), jobs)

    with asyncio.Runner() as runner:
        by_thread = lambda: runner.run(one_after_the_other(lambda: asyncio.to_thread(nothing), jobs))  # noqa: E731
        measure("asyncio: to_thread", by_thread, jobs, rounds)
        with ThreadPoolExecutor(2) as pool:
            measure("asyncio: ThreadPoolExecutor", lambda: runner.run(on(pool, jobs)), jobs, rounds)
        with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
            measure("asyncio: ProcessPoolExecutor", lambda: runner.run(on(pool, jobs)), jobs, rounds)
        with ProcessPoolExecutor(2, max_tasks_per_child=1, mp_context=SPAWN) as pool:
            name = "asyncio: ProcessPoolExecutor(max_tasks_per_child=1)"
            measure(name, lambda: runner.run(on(pool, processes)), processes, rounds)


if __name__ == "__main__":
    kind, first, second, rounds = map(int, sys.argv[1:])
    (jobs_that_do_nothing if kind else the_sum)(first, second, rounds)
