"""Errors of tasks: catch them, tell them apart, pick a group apart, report, restart, retry, explain."""

import asyncio


class LoadError(Exception):
    pass


class NotFound(LoadError):
    pass


class Broken(Exception):
    pass


async def fetch(page: str, seconds: float) -> str:
    """Stands for a request: takes its time, and ends as the name of the page says."""
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
        for page, seconds in [("home", 0.1), ("missing", 0.2), ("buggy", 0.25), ("slow", 0.4)]
    }
    await asyncio.sleep(0.3)
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
    print(f"  {failed} of {len(outcomes)} have failed: a cancelled one has not")


def leaves(group: BaseExceptionGroup) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


async def groups() -> None:
    print("a group: missing pages are counted, and what is left is handed on")
    fetched = await asyncio.gather(
        fetch("home", 0.05), fetch("missing", 0.15), fetch("missing", 0.1), return_exceptions=True
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
    print("a background task: it fails, and nobody awaits it")
    loop = asyncio.get_running_loop()
    # By default it is logged: "Task exception was never retrieved".
    loop.set_exception_handler(lambda loop, context: print(f"  reported: {context['exception']}"))
    asyncio.create_task(fetch("missing", 0.1))
    await asyncio.sleep(0.15)
    loop.set_exception_handler(None)


async def feed(run: int) -> None:
    """A worker whose connection is lost again and again, and which has a bug."""
    await asyncio.sleep(0.2)
    if run == 2:
        raise AssertionError("no handler")
    raise Broken("connection lost")


async def mail(run: int) -> None:
    """A worker that fails at first, then after a good while, and then gets its work done."""
    await asyncio.sleep({1: 0.1, 2: 0.5}.get(run, 0.3))
    if run < 3:
        raise Broken("server busy")


async def metrics(stop: asyncio.Event) -> None:
    """A worker that has nothing to complain of, and cleans up when it is told to stop."""
    await stop.wait()
    await asyncio.sleep(0.05)


async def supervise(name: str, work) -> None:
    pause, failures, run = 0.125, 0, 0
    while True:
        run += 1
        begin = asyncio.get_running_loop().time()
        try:
            return await work(run)
        except Exception as error:
            told = f"bug: {error}" if isinstance(error, AssertionError) else error
            if asyncio.get_running_loop().time() - begin >= 0.4:
                pause = 0.125
            failures += 1
            if failures == 4:
                print(f"  {name}: {told}; too often")
                raise
            print(f"  {name}: {told}; again in {pause * 1000:.0f} ms")
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1)


async def supervision() -> None:
    print("supervised: feed may fail four times in a minute, mail too, metrics is well")
    stop = asyncio.Event()
    running = {
        asyncio.create_task(supervise("feed", feed), name="feed"),
        asyncio.create_task(supervise("mail", mail), name="mail"),
        asyncio.create_task(metrics(stop), name="metrics"),
    }
    while running:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            print(f"  {task.get_name()} {'is given up' if task.exception() else 'has finished'}")
            if task.exception():
                stop.set()


class Busy(Exception):
    pass


async def order(article: str, attempt: int) -> str:
    """Stands for a call of a service that is busy for two attempts."""
    if article == "tea":
        stock = asyncio.create_task(asyncio.sleep(60))
        stock.cancel()
        await stock
    await asyncio.sleep(0.1)
    if article != "coffee":
        raise LookupError("no such article")
    if attempt < 3:
        raise Busy("busy")
    return "ordered"


async def retry(article: str) -> str:
    loop = asyncio.get_running_loop()
    pause, attempt, deadline = 0.125, 1, loop.time() + 5
    while True:
        try:
            return await order(article, attempt)
        except Busy as error:
            if loop.time() + pause > deadline:
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
            # Of the stock check. Had somebody cancelled this task, this would swallow it: the two look the same.
            print(f"  {article}: stock check cancelled")


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
    await contexts()


asyncio.run(main())
