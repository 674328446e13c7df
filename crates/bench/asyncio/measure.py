"""Prints the median of some rounds, in nanoseconds an item."""

import statistics
import time


def measure(name: str, work, items: int, rounds: int) -> None:
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    print(statistics.median(times) / items, name)
