"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import collections
import faulthandler
import io
import logging
import os
import socket
import tempfile
import time


async def what_each_task_waits_for():
    report = io.StringIO()

    async def ask(answered):
        await answered.wait()

    client = asyncio.create_task(ask(asyncio.Event()), name="client")
    await asyncio.sleep(1)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        report.write(task.get_name())
        task.print_stack(file=report)

    assert "client" in report.getvalue() and "pairs.py" in report.getvalue()
    client.cancel()


async def the_step_that_blocks():
    slow, log = [], logging.getLogger("asyncio")
    handler = logging.Handler()
    handler.emit = lambda record: slow.append(record.getMessage())
    log.addHandler(handler)

    async def request():
        time.sleep(0.03)

    def program():
        with asyncio.Runner(debug=True, loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.get_loop().slow_callback_duration = 0.02
            runner.run(request())  # Executing <Task ...> took 0.030 seconds

    await asyncio.to_thread(program)
    log.removeHandler(handler)
    assert len([line for line in slow if line.startswith("Executing")]) == 1


async def it_is_blocked_now():
    report = tempfile.TemporaryFile("w+")
    faulthandler.dump_traceback_later(0.02, file=report)
    time.sleep(0.06)  # all threads are printed meanwhile
    faulthandler.cancel_dump_traceback_later()

    report.seek(0)
    assert "it_is_blocked_now" in report.read()
    report.close()


async def what_has_grown():
    names = lambda: collections.Counter(task.get_name() for task in asyncio.all_tasks())
    kept = []

    async def session():
        kept.append(asyncio.create_task(asyncio.sleep(3600), name="heartbeat"))

    before = names()
    for _ in range(3):
        await session()
    grown = names() - before

    assert grown == {"heartbeat": 3}
    for task in kept:
        task.cancel()


async def items_and_permits():
    queue, seats = asyncio.Queue(10), asyncio.Semaphore(5)
    await queue.put("item")
    await seats.acquire()

    waiting = queue.qsize()
    free = seats._value  # and in its repr

    assert (waiting, free) == (1, 4)


async def a_failure_that_no_task_awaits():
    loop, log = asyncio.get_running_loop(), []

    async def poll():
        raise LookupError("no such page")

    loop.set_exception_handler(lambda _, context: log.append(f"{context['exception']}"))
    asyncio.create_task(poll())
    await asyncio.sleep(1)

    assert log == ["no such page"]


async def descriptors_that_stay_open():
    before = len(os.listdir("/proc/self/fd"))
    kept = socket.socketpair()
    more = len(os.listdir("/proc/self/fd")) - before

    assert more == 2
    for end in kept:
        end.close()
