"""Programs that every Unix has, and what becomes of them."""

import asyncio
import contextlib
import os
import pty
import signal
import struct
import fcntl
import termios
from asyncio.subprocess import DEVNULL, PIPE

MILLION = 1_000_000


async def main() -> None:
    await run_and_collect()
    await lines_as_they_come()
    await talk_both_ways()
    await pipelines()
    await time_limits()
    await many_at_a_time()
    await a_terminal()
    await nothing_left_behind()


async def sh(script, **options):
    """A shell that leads a process group of its own."""
    options = {"stdin": DEVNULL, "start_new_session": True} | options
    return await asyncio.create_subprocess_exec("sh", "-c", script, **options)


def kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def run(script, limit=MILLION):
    """communicate, with a limit, and with the end of the whole group."""
    process = await sh(script, stdout=PIPE, stderr=PIPE)

    async def collect(reader):
        collected = bytearray()
        while chunk := await reader.read(limit + 1 - len(collected)):
            collected += chunk
            if len(collected) > limit:
                kill_group(process)
                await reader.read()  # a full reader is paused, and with it unread wait() may hang
                break
        return bytes(collected[:limit])

    try:
        stdout, stderr = await asyncio.gather(collect(process.stdout), collect(process.stderr))
        await process.wait()
    finally:
        kill_group(process)
    return process.returncode, stdout.decode(), stderr.decode()


async def run_and_collect():
    print("run: a program, its output and its status")
    returncode, stdout, stderr = await run("echo hello; echo oops >&2; exit 3")
    print(f"  stdout: {stdout.rstrip()}")
    print(f"  stderr: {stderr.rstrip()}")
    print(f"  returncode: {returncode}")
    print(f"  ended by a signal: {(await run('kill -9 $$'))[0]}")
    _, stdout, _ = await run("exec yes", limit=1_000)
    print(f"  yes was killed after {len(stdout)} bytes")


async def lines_as_they_come():
    print("lines: of stdout and stderr, as they come")
    # It waits for a line from here before it goes on: two pipes have no common order.
    script = "echo one; read -r _; echo two >&2; read -r _; echo three; read -r _; printf four"
    process = await sh(script, stdin=PIPE, stdout=PIPE, stderr=PIPE)

    async def show(source, reader):
        async for line in reader:
            half = "" if line.endswith(b"\n") else ", half a line"
            print(f"  {source}: {line.decode().rstrip()}{half}")
            if not half:
                process.stdin.write(b"\n")

    await asyncio.gather(show("stdout", process.stdout), show("stderr", process.stderr))
    await process.wait()


async def talk_both_ways():
    print("talk: a million bytes through cat")
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    given = b"x" * MILLION
    stdout, _ = await process.communicate(given)
    print(f"  {len(given)} written, {len(stdout)} read")


async def piped(*commands):
    """The last program's output, and all statuses."""
    reader, processes = DEVNULL, []
    for number, command in enumerate(commands):
        is_last = number == len(commands) - 1
        next_reader, writer = (None, PIPE) if is_last else os.pipe()
        processes.append(await asyncio.create_subprocess_exec(*command.split(), stdin=reader, stdout=writer))
        if number > 0:
            os.close(reader)
        if not is_last:
            os.close(writer)
        reader = next_reader
    output = await processes[-1].stdout.read()
    return output.decode().strip(), [await process.wait() for process in processes]


async def pipelines():
    print("pipeline: seq 1000 | grep 7 | wc -l")
    count, returncodes = await piped("seq 1000", "grep 7", "wc -l")
    print(f"  {count}, and the returncodes {returncodes}")
    line, returncodes = await piped("yes", "cat", "head -n 1")
    print(f"  of yes | cat | head: {line}, and the returncodes {returncodes}")


async def limited(script):
    process = await sh(script, stdout=PIPE)
    # Its time begins when it has said something, or has ended.
    await process.stdout.readline()
    how = "has ended"
    try:
        await asyncio.wait_for(process.wait(), 0.1)
    except asyncio.TimeoutError:
        how = "has ended when asked"
        os.killpg(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 1)
        except asyncio.TimeoutError:
            how = "was asked, and killed"
            kill_group(process)
            await process.wait()
    kill_group(process)
    print(f"  {script}: {how}, returncode {process.returncode}")


async def time_limits():
    print("group: 0.1 s to run, and 1 s to end")
    await limited("exit 0")
    await limited("echo ready; exec sleep 60")
    await limited("trap '' TERM; echo ready; sleep 60 & sleep 60")


async def many_at_a_time():
    print("many: five commands, two at a time")
    commands = [("0.1", 0), ("0.05", 1), ("0.1", 0), ("0.05", 3), ("0.05", 0)]

    async def takes(slots, position, time, code):
        async with slots:
            return position, (await run(f"sleep {time}; exit {code}"))[0]

    def start(commands):
        slots = asyncio.Semaphore(2)
        return [asyncio.create_task(takes(slots, position, *command)) for position, command in enumerate(commands)]

    print(f"  all returncodes: {[code for _, code in await asyncio.gather(*start(commands))]}")
    tasks = start([("60", 0), ("0.05", 1)])
    for done in asyncio.as_completed(tasks):
        position, code = await done
        if code != 0:
            print(f"  command {position} is the first to fail: {code}")
            break
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def a_terminal():
    print("terminal: what does stty say?")
    print(f"  {(await run('stty size 2>/dev/null || echo not a terminal'))[1].rstrip()}")
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = await asyncio.create_subprocess_exec("stty", "size", stdin=theirs, stdout=theirs, stderr=theirs)
    await process.wait()
    # Before our own copy is closed: on Linux, what is unread goes with the last one.
    print(f"  a terminal of {os.read(ours, 100).decode().rstrip()}")
    os.close(theirs)
    os.close(ours)


async def nothing_left_behind():
    print("no orphans: a caller that is cancelled")
    process = await sh("sleep 60 & echo two processes run; sleep 60", stdout=PIPE)

    async def caller():
        try:
            await process.wait()
        finally:
            kill_group(process)

    task = asyncio.create_task(caller())
    print(f"  {(await process.stdout.readline()).decode().rstrip()}")
    task.cancel()
    left = await process.stdout.read()
    print(f"  none of them is left, and {len(left)} bytes came")
    await process.wait()


asyncio.run(main())
