"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, STDOUT


async def run_and_collect():
    process = await asyncio.create_subprocess_exec("printf", "hello", stdout=PIPE)
    stdout, _stderr = await process.communicate()  # without a limit
    returncode = process.returncode

    assert (stdout, returncode) == (b"hello", 0)


async def a_time_limit_for_a_group():
    process = await asyncio.create_subprocess_shell("exec sleep 600", start_new_session=True)
    try:
        await asyncio.wait_for(process.wait(), 0.05)
    except asyncio.TimeoutError:
        os.killpg(process.pid, signal.SIGTERM)  # and SIGKILL, if that is not enough
        await process.wait()
    returncode = process.returncode

    assert returncode == -15


async def lines_as_they_come():
    log = []

    process = await asyncio.create_subprocess_shell("echo one; echo two >&2", stdout=PIPE, stderr=STDOUT)
    async for line in process.stdout:  # ValueError after 64 KiB
        log.append(line.decode().rstrip("\n"))
    await process.wait()

    assert log == ["one", "two"]


async def talk_both_ways():
    given = b"x" * 1_000_000

    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    output, _stderr = await process.communicate(given)  # all of it in memory

    assert output == given


async def a_pipeline():
    reader, writer = os.pipe()
    seq = await asyncio.create_subprocess_exec("seq", "1000", stdout=writer)
    os.close(writer)
    wc = await asyncio.create_subprocess_exec("wc", "-l", stdin=reader, stdout=PIPE)
    os.close(reader)
    count, _stderr = await wc.communicate()
    statuses = [await seq.wait(), await wc.wait()]

    assert (count.strip(), len(statuses)) == (b"1000", 2)


async def nothing_left_behind():
    process = await asyncio.create_subprocess_shell("sleep 600 & exit 3", start_new_session=True)
    try:
        status = await process.wait()
    finally:  # SIGKILL of this program skips it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    assert status == 3
