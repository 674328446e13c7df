"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def fetch(page):
    """Stands for a request."""
    await asyncio.sleep(0.1)
    return f"<{page}>"


async def a_time_limit():
    try:
        async with asyncio.timeout(0.05):
            page = await fetch("home")
    except TimeoutError:
        page = "too late"

    assert page == "too late"


async def cancel_a_task():
    task = asyncio.create_task(fetch("home"))
    await asyncio.sleep(0)
    task.cancel()
    try:
        ended = await task
    except asyncio.CancelledError:
        ended = "cancelled"

    assert ended == "cancelled"


async def a_timeout_that_waits_for_the_clean_up():
    log = []

    async def close():
        await asyncio.sleep(0.01)
        log.append("closed")

    async def session():
        try:
            return await fetch("history")
        finally:
            await close()

    try:
        rows = await asyncio.wait_for(session(), 0.05)
    except TimeoutError:
        rows = "timed out"  # the session is closed by now

    assert (rows, log) == ("timed out", ["closed"])


async def stop_between_two_steps():
    stop, done = asyncio.Event(), []
    asyncio.get_running_loop().call_later(0.15, stop.set)

    for page in ["home", "news", "help"]:
        if stop.is_set():
            break
        done.append(await fetch(page))

    assert done == ["<home>", "<news>"]


async def give_up_and_wait_again_later():
    payment = asyncio.create_task(fetch("payment"))
    try:
        receipt = await asyncio.wait_for(asyncio.shield(payment), 0.05)
    except TimeoutError:
        receipt = f"later: {await payment}"

    assert receipt == "later: <payment>"
