"""Errors of tasks: catch them, sort them, pick a group apart, report, restart, retry, refuse, explain."""

import asyncio


class LoadError(Exception):
    pass


class NotFound(LoadError):
    pass


class Broken(Exception):
    pass


async def fetch(page: str, seconds: float) -> str:
    """Simulates a request: takes its time, and ends as the name of the page says."""
    await asyncio.sleep(seconds)
    match page:
        case "missing":
            raise NotFound(f"{page} not found")
        case "buggy":
            raise AssertionError(f"{page} has no index")
    return f"<{page}>"


async def one_task() -> None:
    print("one task: a page that is missing has a default")
    task = asyncio.create_task(fetch("missing", 0.1))
    try:
        page = await task
    except NotFound:
        page = "<default>"
    print(f"  {page}")


async def outcomes() -> None:
    print("every outcome: a value, an error, a bug and a cancellation")
    tasks = {
        page: asyncio.create_task(fetch(page, seconds))
        for page, seconds in [("home", 0.05), ("missing", 0.05), ("buggy", 0.05), ("slow", 60)]
    }
    await asyncio.sleep(0.1)
    tasks["slow"].cancel()
    outcomes = await asyncio.gather(*tasks.values(), return_exceptions=True)
    for page, outcome in zip(tasks, outcomes):
        match outcome:
            case LoadError():
                print(f"  {page}: error: {outcome}")
            case asyncio.CancelledError():
                print(f"  {page}: cancelled")
            case BaseException():
                print(f"  {page}: bug: {outcome}")
            case _:
                print(f"  {page}: {outcome}")
    # CancelledError is a BaseException and no Exception.
    failed = sum(isinstance(outcome, Exception) for outcome in outcomes)
    print(f"  {failed} of {len(outcomes)} failed; one was cancelled")


def leaves(group: BaseExceptionGroup) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


async def groups() -> None:
    print("a group: missing pages are counted, and what is left is handed on")
    fetched = await asyncio.gather(
        fetch("home", 0.05), fetch("missing", 0.1), fetch("missing", 0.1), return_exceptions=True
    )
    sport = ExceptionGroup("sport", [Broken("the score is unknown")])
    try:
        try:
            raise ExceptionGroup("pages", [*(e for e in fetched if isinstance(e, Exception)), sport])
        except* LoadError as group:
            print(f"  {len(leaves(group)) + 1} errors in all")
            for error in leaves(group):
                print(f"  taken: {error}")
    except ExceptionGroup as rest:
        for error in leaves(rest):
            print(f"  left: {error}")


async def background() -> None:
    print("a background task: it fails, and no task awaits it")
    loop, heard = asyncio.get_running_loop(), asyncio.Event()

    def report(loop, context) -> None:
        print(f"  reported: {context['exception']}")
        heard.set()

    # By default it is logged: "Task exception was never retrieved".
    loop.set_exception_handler(report)
    asyncio.create_task(fetch("missing", 0.1))
    await heard.wait()
    loop.set_exception_handler(None)


async def feed(run: int) -> None:
    """A worker whose connection is lost again and again, and which has a bug."""
    await asyncio.sleep(0.05)
    if run == 2:
        raise AssertionError("no handler")
    raise Broken("connection lost")


async def mail(run: int) -> None:
    """A worker that fails once, and then gets its work done."""
    await asyncio.sleep(0.05)
    if run == 1:
        raise Broken("server busy")


async def metrics(stop: asyncio.Event) -> None:
    """A worker without failures, which cleans up when its event is set."""
    await stop.wait()
    await asyncio.sleep(0.05)


async def supervise(name: str, work) -> None:
    pause, failures = 0.125, 0
    while True:
        try:
            await work(failures + 1)
            print(f"  {name} has finished")
            return
        except Exception as error:
            text = f"bug: {error}" if isinstance(error, AssertionError) else error
            failures += 1
            if failures == 3:
                print(f"  {name}: {text}; too often")
                print(f"  {name} is given up")
                return
            print(f"  {name}: {text}; again in {pause * 1000:.0f} ms")
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1)


async def supervision() -> None:
    print("supervised: mail recovers, feed may fail three times in a minute")
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as workers:
        workers.create_task(metrics(stop))
        await supervise("mail", mail)
        await supervise("feed", feed)
        stop.set()
    print("  metrics has finished")


class Busy(Exception):
    pass


async def order(article: str, attempt: int) -> str:
    """Simulates a call of a service that is busy for two attempts."""
    if article == "tea":
        stock = asyncio.create_task(asyncio.sleep(60))
        stock.cancel()
        await stock
    await asyncio.sleep(0.05)
    if article != "coffee":
        raise LookupError("no such article")
    if attempt < 3:
        raise Busy("busy")
    return "ordered"


async def retry(article: str) -> str:
    loop = asyncio.get_running_loop()
    pause, attempt, deadline = 0.125, 1, loop.time() + 60
    while True:
        try:
            return await order(article, attempt)
        except Busy as error:
            if attempt == 5 or loop.time() + pause > deadline:
                raise
            print(f"  {article}: {error}; again in {pause * 1000:.0f} ms")
        await asyncio.sleep(pause)
        pause, attempt = min(pause * 2, 1), attempt + 1


async def retries() -> None:
    print("retry: what is busy, and neither what is final nor a cancellation")
    for article in "coffee", "unicorn", "tea":
        try:
            print(f"  {article}: {await retry(article)}")
        except LookupError as error:
            print(f"  {article}: {error}")
        except asyncio.CancelledError:
            # The stock check was cancelled. A cancellation of this task looks the same, and would be swallowed here.
            print(f"  {article}: stock check cancelled")


class Open(Exception):
    def __init__(self, retry_in: float) -> None:
        self.retry_in = retry_in


class Breaker:
    """Opens for half a second after two failures; then one call is a trial. pybreaker does more."""

    def __init__(self) -> None:
        self.failures, self.until, self.trial = 0, 0.0, False

    async def call(self, work):
        now = asyncio.get_running_loop().time()
        if self.failures >= 2:
            if now < self.until or self.trial:
                raise Open(max(self.until - now, 0))
            self.trial = True
        try:
            answer = await work()
        except Broken:
            self.failures += 1
            self.until = asyncio.get_running_loop().time() + 0.5
            raise
        finally:
            self.trial = False
        self.failures = 0
        return answer


async def pay(amount: int, works: bool) -> str:
    """Simulates a payment."""
    await asyncio.sleep(0.05)
    if not works:
        raise Broken("out of order")
    return "paid"


async def breaker() -> None:
    print("circuit breaker: two failures open it for 500 ms, then one call is a trial")
    breaker = Breaker()
    for amount in 1, 2:
        try:
            await breaker.call(lambda: pay(amount, False))
        except Broken as error:
            print(f"  {amount}: {error}")
    try:
        await breaker.call(lambda: pay(3, True))
    except Open as error:
        print("  3: refused")
        await asyncio.sleep(error.retry_in)
    calls = [breaker.call(lambda amount=amount: pay(amount, True)) for amount in (4, 5, 6)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for amount, answer in zip((4, 5, 6), answers):
        print(f"  {amount}: {'refused' if isinstance(answer, Open) else answer}")
    print(f"  7: {await breaker.call(lambda: pay(7, True))}")


async def settings(name: str) -> int:
    text = await fetch("forty", 0.1)
    try:
        try:
            return int(text)
        except ValueError:
            raise Broken("not a number") from None
    except Broken as error:
        raise RuntimeError(f"parsing {name}") from error


async def contexts() -> None:
    print("context: what was being done, and why it failed")
    try:
        await settings("timeouts")
    except RuntimeError as error:
        cause: BaseException | None = error
        while cause:
            print(f"  {cause}")
            cause = cause.__cause__


async def main() -> None:
    await one_task()
    await outcomes()
    await groups()
    await background()
    await supervision()
    await retries()
    await breaker()
    await contexts()


asyncio.run(main())
