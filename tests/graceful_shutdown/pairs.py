"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import os
import signal


async def serve_until_a_signal():
    answered, tasks, connections = [], set(), asyncio.Queue()
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    async def handle(_socket):
        os.kill(os.getpid(), signal.SIGTERM)  # in the middle of a request
        await asyncio.sleep(0.01)
        answered.append("hello")

    async def accept():
        while True:
            tasks.add(asyncio.create_task(handle(await connections.get())))

    connections.put_nowait("a socket")

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    accepting = asyncio.create_task(accept())
    await stop.wait()
    accepting.cancel()
    done, left = await asyncio.wait(tasks, timeout=9)  # the supervisor's ten, less a margin
    for task in left:
        task.cancel()

    assert (len(left), answered) == (0, ["hello"])
    loop.remove_signal_handler(signal.SIGTERM)


async def a_task_that_cleans_up():
    log = []

    async def send_parts():
        await asyncio.sleep(60)

    async def remove_parts():
        await asyncio.sleep(0.01)
        log.append("removed")

    async def upload():
        try:
            await send_parts()
        except asyncio.CancelledError:
            await remove_parts()
            raise

    task = asyncio.create_task(upload())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert log == ["removed"]


async def finish_then_clean_up_then_count():
    async def in_time():
        await asyncio.sleep(1)

    async def cleans_up():
        await asyncio.sleep(60)

    async def deaf():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    jobs = [asyncio.create_task(job(), name=job.__name__) for job in (in_time, cleans_up, deaf)]

    finished, in_flight = await asyncio.wait(jobs, timeout=5)
    for job in in_flight:
        job.cancel()
    cancelled, left = await asyncio.wait(in_flight, timeout=1)

    assert (len(finished), len(cancelled), [job.get_name() for job in left]) == (1, 1, ["deaf"])
    for job in left:
        job.cancel()


async def a_main_that_cleans_up():
    saved = []

    async def work():
        await asyncio.sleep(60)

    async def save():
        await asyncio.sleep(0.01)
        saved.append("saved")

    async def main():
        try:
            await work()
        finally:  # asyncio.run cancels main at Ctrl-C
            await save()

    task = asyncio.create_task(main())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert saved == ["saved"]


async def call_a_function_at_a_signal():
    loop, dumped = asyncio.get_running_loop(), asyncio.Queue()

    def dump():
        dumped.put_nowait("in flight: 0")

    loop.add_signal_handler(signal.SIGQUIT, dump)

    os.kill(os.getpid(), signal.SIGQUIT)
    assert await dumped.get() == "in flight: 0"
    loop.remove_signal_handler(signal.SIGQUIT)
