"""The aiohttp side of benches/http_client.rs: small pages from one server, a hundred at a time."""

import asyncio
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests"))
import parity

python = parity.python_for(ROOT / "recipes" / "http_client")
if sys.executable != python:
    os.execv(python, [python, *sys.argv])

from aiohttp import ClientSession, TCPConnector

SIZE = len("page welcome\n")


async def fetch(session: ClientSession, url: str) -> int:
    async with session.get(url) as response:
        return len(await response.read())


async def one_session(url: str, pages: int, rounds: int) -> list[int]:
    times = []
    async with ClientSession(connector=TCPConnector(limit=100)) as session:
        for _ in range(rounds + 1):
            start = time.perf_counter_ns()
            assert sum(await asyncio.gather(*(fetch(session, url) for _ in range(pages)))) == pages * SIZE
            times.append(time.perf_counter_ns() - start)
    return times[1:]


url, pages, rounds = sys.argv[1], *map(int, sys.argv[2:])
print(statistics.median(asyncio.run(one_session(url, pages, rounds))) / pages, "aiohttp, one session, gather, limit=100")
