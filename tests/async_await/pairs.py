"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def fetch(path):
    """Simulates a request."""
    await asyncio.sleep(0.1)
    return f"<{path}>"


async def call_and_wait_for_the_answer():
    user = await fetch("/user")
    orders = await fetch(f"/orders{len(user)}")  # begins when the user is there

    assert orders == "</orders7>"


async def several_calls_at_once():
    start = asyncio.get_running_loop().time()
    orders, offers = await asyncio.gather(fetch("/orders"), fetch("/offers"))

    assert (orders, offers) == ("</orders>", "</offers>")
    assert round(asyncio.get_running_loop().time() - start, 3) == 0.1


async def make_now_run_later():
    later = fetch("/news")  # nothing has begun
    await asyncio.sleep(1)
    news = await later  # now it runs

    assert news == "</news>"


async def a_turn_for_the_others():
    other = asyncio.create_task(asyncio.sleep(0))
    for number in range(3_000):
        if number % 1_000 == 999:
            await asyncio.sleep(0)

    assert other.done()


async def one_result_many_readers():
    rate = asyncio.create_task(fetch("/rate"))
    first = await rate
    again = await rate

    assert (first, again) == ("</rate>", "</rate>")


async def one_call_per_key():
    calls, asked = {}, []

    async def ask(key):
        asked.append(key)
        return await fetch(key)

    async def get(key):
        if key not in calls:  # kept forever, and its error too
            calls[key] = asyncio.create_task(ask(key))
        return await asyncio.shield(calls[key])

    one, other = await asyncio.gather(get("usd"), get("usd"))

    assert (one, other, asked) == ("<usd>", "<usd>", ["usd"])


async def a_function_that_takes_an_async_function():
    async def twice(ask):
        return [await ask(), await ask()]

    answers = []

    async def ask():
        answers.append(await fetch("/rate"))
        return len(answers)

    assert await twice(ask) == [1, 2]
