"""The asyncio side of benches/subprocesses.rs: (0) programs that do nothing, (1) bytes through a pipe, there and back."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE

from measure import measure


async def run() -> None:
    process = await asyncio.create_subprocess_exec("true", stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    await process.communicate()
    assert process.returncode == 0


async def programs(number: int, at_once: int) -> None:
    slots = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with slots:
            await run()

    await asyncio.gather(*(one() for _ in range(number)))


async def through_cat(number: int) -> None:
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    stdout, _stderr = await process.communicate(bytes(number))
    assert len(stdout) == number


async def lines(number: int) -> None:
    process = await asyncio.create_subprocess_exec("seq", str(number), stdout=PIPE)
    count = 0
    async for _line in process.stdout:
        count += 1
    await process.wait()
    assert count == number


def main() -> None:
    what, number, at_once, rounds = map(int, sys.argv[1:])
    with asyncio.Runner() as runner:
        if what == 0:
            measure("asyncio: communicate", lambda: runner.run(programs(number, at_once)), number, rounds)
        elif what == 1:
            measure("asyncio: communicate(input)", lambda: runner.run(through_cat(number)), number, rounds)
        else:
            measure("asyncio: async for line in stdout", lambda: runner.run(lines(number)), number, rounds)


main()
