"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def a_call_alone_does_nothing():
    sent = []

    async def greet(guest):
        sent.append(guest)

    greeting = greet("Ann")  # does nothing
    await greet("Bob")

    greeting.close()
    assert sent == ["Bob"]


async def any_await_may_be_the_last():
    accounts, is_late = {"from": 100, "to": 0}, False

    async def approval():
        await asyncio.sleep(0.05)

    async def transfer():
        accounts["from"] -= 30
        await approval()
        accounts["to"] += 30

    try:
        await asyncio.wait_for(transfer(), 0.01)
    except TimeoutError:
        is_late = True

    assert (is_late, sum(accounts.values())) == (True, 70)


async def a_timeout_around_a_task():
    task = asyncio.create_task(asyncio.sleep(60))
    try:
        await asyncio.wait_for(task, 0.01)
    except TimeoutError:
        is_late = True

    assert (is_late, task.cancelled()) == (True, True)


async def a_permit_that_is_held():
    seats = asyncio.Semaphore(1)
    await seats.acquire()  # held until release()

    assert seats.locked()
