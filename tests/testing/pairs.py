"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs.

They are in the standard library's words. with_pytest.py beside it has them in pytest-asyncio's.
"""

import asyncio
import contextlib
import unittest
from unittest import IsolatedAsyncioTestCase, mock
from unittest.mock import AsyncMock, call


async def retry(fetch):
    for pause in [1, 2]:
        try:
            return await fetch()
        except OSError:
            await asyncio.sleep(pause)
    return await fetch()


async def alarm(mailer, to):
    while True:
        try:
            return await mailer.send(to)
        except OSError:
            await asyncio.sleep(1)


def run(case):
    """Whether the tests of a class pass. They need a thread without an event loop."""
    return unittest.defaultTestLoader.loadTestsFromTestCase(case).run(unittest.TestResult()).wasSuccessful()


async def a_pause_takes_no_time():
    fetch = AsyncMock(side_effect=[OSError, OSError, "page"])

    with mock.patch("asyncio.sleep", AsyncMock()) as sleep:  # for all that runs
        page = await retry(fetch)
    waited = sum(pause.args[0] for pause in sleep.await_args_list)

    assert (page, waited) == ("page", 3)


async def set_up_and_tear_down():
    removed = []

    async def create():
        return ["ada", "bob"]

    async def remove(table):
        removed.append(len(table) == 2)

    class Rows(IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            self.table = await create()

        async def asyncTearDown(self):  # after a failure too
            await remove(self.table)

        async def test_rows(self):
            self.assertEqual(len(self.table), 2)

    passed = await asyncio.to_thread(run, Rows)
    assert (passed, removed) == (True, [True])


async def a_mock_answers_and_keeps_its_calls():
    mailer = AsyncMock()
    mailer.send.side_effect = [OSError("busy"), None]
    await alarm(mailer, "ada")
    sent = mailer.send.await_args_list

    assert sent == [call("ada"), call("ada")]


async def a_server_on_a_free_port():
    async def answer(reader, writer):
        ping = await reader.readexactly(1)
        writer.write(bytes([ping[0] + 1]))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(bytes([41]))
    reply = await reader.readexactly(1)
    server.close()
    writer.close()
    await writer.wait_closed()

    assert reply[0] == 42


async def something_does_not_happen():
    bell = asyncio.Event()

    try:
        rang = await asyncio.wait_for(bell.wait(), 0.05)  # perhaps too short
    except asyncio.TimeoutError:
        rang = False

    assert not rang


async def cancelled_at_each_await():
    accounts, totals = [100, 0], []

    async def transfer():
        accounts[0] = 70
        await asyncio.sleep(0)  # 30 are nowhere
        accounts[1] = 30
        await asyncio.sleep(0)

    for turns in [1, 2]:  # as many as it has awaits
        task = asyncio.create_task(transfer())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        totals.append(sum(accounts))

    assert totals == [70, 100]
