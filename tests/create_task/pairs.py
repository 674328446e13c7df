"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import contextvars


async def start_now_and_await_later():
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def fetch(page):
        await asyncio.sleep(0.1)
        return f"<{page}>"

    task = asyncio.create_task(fetch("home"))
    await asyncio.sleep(0.1)  # other work meanwhile
    page = await task

    assert (page, round(loop.time() - start, 3)) == ("<home>", 0.1)


async def three_ways_to_end():
    async def fetch():
        await asyncio.sleep(60)
        raise LookupError("missing")

    task = asyncio.create_task(fetch())
    await asyncio.sleep(0)
    task.cancel()

    try:
        ended = await task
    except LookupError as error:
        ended = str(error)
    except asyncio.CancelledError:
        ended = "cancelled"

    assert ended == "cancelled"


async def a_task_that_ends_with_its_owner():
    async def heartbeat():
        await asyncio.sleep(3600)

    class Session:
        def __init__(self):
            self.heartbeat = asyncio.create_task(heartbeat())

        async def close(self):
            self.heartbeat.cancel()

    session = Session()
    await session.close()

    await asyncio.sleep(0.001)
    assert session.heartbeat.cancelled()


async def the_context_of_the_parent():
    request = contextvars.ContextVar("request")

    async def child():
        return request.get()

    request.set(7)
    seen = await asyncio.create_task(child())  # it has a copy

    assert seen == 7


async def call_a_function_at_the_end():
    lines = []

    async def upload():
        return 3

    task = asyncio.create_task(upload())
    task.add_done_callback(lambda task: lines.append(task.result()))
    uploaded = await task

    await asyncio.sleep(0)
    assert (uploaded, lines) == (3, [3])
