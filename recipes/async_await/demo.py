"""Calls that are awaited: one after the other, at once, only when needed, and with turns for others."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable

# The simulated server: for each path, the seconds it takes, and its answer.
ANSWERS = {
    "/users/ada/account": (0.1, "7"),
    "/accounts/7/balance": (0.1, "250"),
    "/users/ada": (0.3, "Ada"),
    "/users/ada/orders": (0.3, "2 orders"),
    "/offers": (0.3, "3 offers"),
    "/replica/news": (0.1, "the news"),
    "/origin/news": (0.1, "the news"),
    "/rate": (0.1, "1.08"),
}


async def fetch(path: str) -> str:
    """Simulates a request: takes its time, and fails for a path that the server does not have."""
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
    print("one after the other: three calls of 300 ms each")
    profile = await fetch("/users/ada")
    orders = await fetch("/users/ada/orders")
    offers = await fetch("/offers")
    print(f"  {profile}, {orders}, {offers}")
    print("at once: the same three calls")
    profile, orders, offers = await asyncio.gather(fetch("/users/ada"), fetch("/users/ada/orders"), fetch("/offers"))
    print(f"  {profile}, {orders}, {offers}")


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
        # A coroutine that is never awaited is a warning, unless it is closed.
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


class LoadingCache:
    """Makes one call at a time for each key, and keeps its result for a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls: dict[str, asyncio.Task[str]] = {}

    async def get(self, key: str, load: Callable[[], Coroutine[object, object, str]]) -> str:
        if (call := self.calls.get(key)) is None:
            call = self.calls[key] = asyncio.create_task(load())
            call.add_done_callback(lambda _: asyncio.get_running_loop().call_later(self.seconds, self.remove, key, call))
        return await asyncio.shield(call)

    def remove(self, key: str, call: asyncio.Task[str] | None = None) -> None:
        if call is None or self.calls.get(key) is call:
            self.calls.pop(key, None)


async def one_call_per_key() -> None:
    print("one call per key: three callers, one call; its result is kept for a minute")
    rates = LoadingCache(60)

    async def rate() -> str:
        return await rates.get("usd", lambda: fetch("/rate"))

    print(f"  {' '.join(await asyncio.gather(rate(), rate(), rate()))}")
    print(f"  {await rate()}, without a call")
    rates.remove("usd")
    print(f"  {await rate()}, after it was removed")


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
    print("yielding: another task waits for its turn while 3000 lines are searched")
    lines = [f"line {number}" for number in range(3_000)]
    for at_a_time in (3_001, 1_000):
        other = asyncio.create_task(asyncio.sleep(0))
        found = await search(lines, "99", at_a_time)
        turn = "has had its turn" if other.done() else "still waits"
        print(f"  {at_a_time} lines at a time: {len(found)} found, the other task {turn}")
        await other


async def main() -> None:
    await call_and_await()
    await three_calls()
    await laziness()
    await one_result_for_many()
    await one_call_per_key()
    await asked_until_ready()
    await yielding()


asyncio.run(main())
