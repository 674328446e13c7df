"""What tests of asynchronous code need: answers, fixtures, mocks, peers, logs, and a cancellation at each await."""

import asyncio
import itertools
import logging
import unittest
from unittest.mock import AsyncMock


async def sleep(milliseconds):
    """Stands for work that waits."""
    await asyncio.sleep(milliseconds / 1000)


async def retry(fetch):
    """What is tested: tries three times, with pauses of 100 ms and of 200 ms."""
    for number in itertools.count(1):
        try:
            answer = await fetch()
        except OSError as error:
            print(f"  call {number}: {error}")
            if number == 3:
                raise
            await sleep(100 * number)
        else:
            print(f"  call {number}: {answer}")
            return answer


async def answers_in_order():
    print("mock: two failures, then an answer")
    fetch = AsyncMock(side_effect=[OSError("no answer"), OSError("no answer"), "21 degrees"])
    start = asyncio.get_running_loop().time()
    await retry(fetch)
    is_late = asyncio.get_running_loop().time() - start >= 0.3
    print(f"  {fetch.await_count} calls, and pauses of 300 ms: {str(is_late).lower()}")


async def set_up():
    await sleep(50)
    print("  set up")
    return ["ada", "bob"]


async def tear_down(rows):
    await sleep(50)
    print("  torn down")


async def a_fixture():
    print("fixture: torn down after a failure, too")

    class Rows(unittest.TestCase):
        async def run_test(self):
            rows = await set_up()
            try:
                await sleep(100)
                print(f"  {len(rows)} rows")
                self.assertEqual(len(rows), 3, "three rows are expected")
            finally:
                await tear_down(rows)

    try:
        await Rows().run_test()
    except AssertionError:
        print("  the test has failed: three rows are expected")


async def kept_calls():
    print("mock: what it was called with")
    send = AsyncMock()
    for name in ["ada", "bob"]:
        await send(name)
    print(f"  {', '.join(call.args[0] for call in send.await_args_list)}")


async def not_yet():
    print("not yet: a bell that rings after 250 ms")
    bell = asyncio.Event()

    async def ring():
        await sleep(250)
        bell.set()

    ringing = asyncio.create_task(ring())
    try:
        await asyncio.wait_for(bell.wait(), 0.1)
    except asyncio.TimeoutError:
        print("  silence for 100 ms")
    await bell.wait()
    print("  it rings")
    await ringing


async def a_peer_in_memory():
    print("a peer in memory: its answer comes in two pieces")
    reader = asyncio.StreamReader()

    async def peer():
        for piece in [b"po", b"ng\n"]:
            await sleep(50)
            reader.feed_data(piece)
        reader.feed_eof()

    answering = asyncio.create_task(peer())
    print(f"  {(await reader.readline()).decode().rstrip()}")
    await answering


async def eventually(limit, holds):
    """Looks after pauses of 1, 2, 4 ms and so on, at most 100 ms."""
    async with asyncio.timeout(limit):
        pause = 1
        while not holds():
            await sleep(pause)
            pause = min(100, pause * 2)


async def a_condition():
    print("eventually: a job that no one can wait for")
    done = []

    async def job():
        await sleep(20)
        done.append("done")

    working = asyncio.create_task(job())
    await eventually(10, lambda: done)
    print(f"  {done[0]}")
    await working


async def poll():
    await sleep(50)
    logging.getLogger("app").warning("no answer")


async def a_log():
    print("captured log: what a task has logged")
    with unittest.TestCase().assertLogs("app") as log:
        await asyncio.create_task(poll())
    for record in log.records:
        print(f"  {record.levelname.removesuffix('ING')} {record.getMessage()}")


class CancelledAfter:
    """Awaits a coroutine, and closes it after so many suspensions. Whether it came to its end before."""

    def __init__(self, coroutine, suspensions):
        self.coroutine, self.suspensions = coroutine, suspensions

    def __await__(self):
        for number in itertools.count(1):
            try:
                waits_for = self.coroutine.send(None)
            except StopIteration:
                return True
            if number == self.suspensions:
                self.coroutine.close()
                return False
            yield waits_for


async def each_await():
    print("cancel anywhere: 30 of 100 are moved")
    accounts = [100, 0]

    async def transfer():
        accounts[:] = [70, 0]
        await sleep(50)
        accounts[1] += 30
        await sleep(50)

    for suspensions in itertools.count(1):
        if await CancelledAfter(transfer(), suspensions):
            break
        print(f"  dropped at await {suspensions}: {sum(accounts)} are left")
    print(f"  finished: {sum(accounts)} are left")


async def main():
    await answers_in_order()
    await a_fixture()
    await kept_calls()
    await not_yet()
    await a_peer_in_memory()
    await a_condition()
    await a_log()
    await each_await()


asyncio.run(main())
