"""Calls that are awaited: one after the other, at once, only when needed, and with turns for others."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable

# What the server of this program has: how many seconds an answer takes, and the answer.
ANSWERS = {
    "/users/ada/account": (0.1, "7"),
    "/accounts/7/balance": (0.1, "250"),
    "/users/ada": (1.0, "Ada"),
    "/users/ada/orders": (1.0, "2 orders"),
    "/offers": (1.0, "3 offers"),
    "/replica/news": (0.1, "the news"),
    "/origin/news": (0.1, "the news"),
    "/rate": (0.1, "1.08"),
}


async def fetch(path: str) -> str:
    """Stands for a request: takes its time, and fails for a path that the server does not have."""
    print(f"  GET {path}")
    seconds, answer = ANSWERS.get(path, (0.1, None))
    await asyncio.sleep(seconds)
    if answer is None:
        raise LookupError(f"{path} not found")
    return answer


async def balance(user: str) -> int:
    account = await fetch(f"/users/{user}/account")
    return int(await fetch(f"/accounts/{account}/balance"))


async def call_and_await() -> None:
    print("await: the second call needs the answer of the first")
    print(f"  balance: {await balance('ada')}")


async def three_calls() -> None:
    print("one after the other: three calls of one second each")
    loop = asyncio.get_running_loop()
    start = loop.time()
    profile = await fetch("/users/ada")
    orders = await fetch("/users/ada/orders")
    offers = await fetch("/offers")
    print(f"  {profile}, {orders}, {offers}: after {loop.time() - start:.1f} s")
    print("at once: the same three calls")
    start = loop.time()
    profile, orders, offers = await asyncio.gather(fetch("/users/ada"), fetch("/users/ada/orders"), fetch("/offers"))
    print(f"  {profile}, {orders}, {offers}: after {loop.time() - start:.1f} s")


async def first_ok(attempts: Iterable[Coroutine[object, object, str]]) -> str:
    attempts = list(attempts)
    try:
        for attempt in attempts:
            try:
                return await attempt
            except LookupError:
                continue
        raise LookupError("all failed")
    finally:
        # A coroutine that nobody awaits is a warning, unless it is closed.
        for attempt in attempts:
            attempt.close()


async def laziness() -> None:
    print("laziness: three attempts are made, and none has begun")
    attempts = [fetch(path) for path in ("/cache/news", "/replica/news", "/origin/news")]
    print("  now they are awaited, until one succeeds")
    print(f"  {await first_ok(attempts)}; the third never ran")


async def one_result_for_many() -> None:
    print("one result for many: three readers, one call")
    rate = asyncio.create_task(fetch("/rate"))

    async def reader() -> str:
        return await rate

    print(f"  {' '.join(await asyncio.gather(reader(), reader(), reader()))}")


async def poll_until(pause: float, ask: Callable[[], Awaitable[str | None]]) -> str:
    while (answer := await ask()) is None:
        await asyncio.sleep(pause)
    return answer


async def asked_until_ready() -> None:
    print("an async function as an argument: asked until there is an answer")
    asked = 0

    async def ask() -> str | None:
        nonlocal asked
        asked += 1
        print("  is it ready?")
        return "yes" if asked == 3 else None

    print(f"  {await poll_until(0.1, ask)}")


async def search(lines: Iterable[str], word: str, at_a_time: int) -> list[int]:
    found = []
    for number, line in enumerate(lines):
        if word in line:
            found.append(number)
        if (number + 1) % at_a_time == 0:
            await asyncio.sleep(0)
    return found


async def yielding() -> None:
    print("yielding: another task counts its turns while 3000 lines are searched")
    lines = [f"line {number}" for number in range(3_000)]
    for at_a_time in (3_001, 1_000, 100):
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(count())
        found = await search(lines, "99", at_a_time)
        other.cancel()
        print(f"  {at_a_time} lines at a time: {len(found)} found, {turns} turns")


async def main() -> None:
    await call_and_await()
    await three_calls()
    await laziness()
    await one_result_for_many()
    await asked_until_ready()
    await yielding()


asyncio.run(main())
