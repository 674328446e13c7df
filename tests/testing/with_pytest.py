"""The pairs in the words of pytest-asyncio, for readers who have its fixtures and marks. `.ci/run parity` runs them:

    python -m pytest tests/testing/with_pytest.py
"""

import asyncio
import logging
from unittest.mock import AsyncMock, call

import pytest
import pytest_asyncio

from pairs import alarm, retry


@pytest.mark.asyncio
async def test_a_pause_takes_no_time(monkeypatch):
    sleep = AsyncMock()
    monkeypatch.setattr(asyncio, "sleep", sleep)  # start_paused = true
    assert await retry(AsyncMock(side_effect=[OSError, OSError, "page"])) == "page"
    assert sleep.await_args_list == [call(1), call(2)]  # start.elapsed()


@pytest_asyncio.fixture
async def table():
    rows = await asyncio.sleep(0, ["ada", "bob"])  # set_up
    yield rows
    await asyncio.sleep(0)  # tear_down, after a failure too
    rows.clear()


@pytest.mark.asyncio
async def test_set_up_and_tear_down(table):
    assert len(table) == 2


@pytest.mark.asyncio
async def test_a_mock_answers_and_keeps_its_calls():
    mailer = AsyncMock(**{"send.return_value": None})
    await alarm(mailer, "ada")
    mailer.send.assert_awaited_once_with("ada")  # assert_eq!(mailer.calls(), ["ada"])


@pytest.mark.asyncio
async def test_a_server_on_a_free_port(unused_tcp_port):
    async def answer(reader, writer):
        writer.write(bytes([(await reader.readexactly(1))[0] + 1]))
        writer.close()

    # Free a moment ago: FakeServer listens on port 0 instead.
    async with await asyncio.start_server(answer, "127.0.0.1", unused_tcp_port):
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        writer.write(bytes([41]))
        assert (await reader.readexactly(1))[0] == 42
        writer.close()


@pytest.mark.asyncio
async def test_something_does_not_happen():
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.05)  # timeout(hour, ...), which takes no time


@pytest.mark.asyncio
async def test_the_log_of_a_test(caplog):
    async def poll():
        logging.getLogger("app").warning("no answer")

    await asyncio.create_task(poll())
    assert caplog.messages == ["no answer"]  # CapturedLog


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server():
    """As `Shared` has it: made once, with a task that lives on. The tests that use it run on its loop."""
    requests = asyncio.Queue()

    async def serve():
        while True:
            (await requests.get()).set_result("pong")

    serving = asyncio.create_task(serve())
    yield requests
    serving.cancel()


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("number", [1, 2])
async def test_a_fixture_for_all_tests(server, number):
    reply = asyncio.get_running_loop().create_future()
    await server.put(reply)
    assert await reply == "pong"


def test_a_variable_of_the_environment(monkeypatch):
    import os

    monkeypatch.setenv("PORT", "9000")  # for the whole process: in Rust, pass the lookup
    assert os.environ["PORT"] == "9000"
