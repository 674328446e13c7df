"""Many fetches at once, and every way to wait for them."""

import asyncio


async def fetch(page: str, seconds: float) -> str:
    """Simulates a request: takes its time, and fails for a page that is missing."""
    await asyncio.sleep(seconds)
    if page.startswith("missing"):
        raise LookupError(f"{page} not found")
    return f"<{page}>"


async def results_in_order() -> None:
    print("gather: home takes 300 ms, news 100 ms, help 200 ms")
    pages = await asyncio.gather(fetch("home", 0.3), fetch("news", 0.1), fetch("help", 0.2))
    print(f"  in the order of the arguments: {' '.join(pages)}")


async def every_outcome() -> None:
    print("gather(return_exceptions=True): one of three is missing")
    outcomes = await asyncio.gather(
        fetch("home", 0.3), fetch("missing", 0.1), fetch("help", 0.2), return_exceptions=True
    )
    for outcome in outcomes:
        print(f"  {'error: ' if isinstance(outcome, Exception) else ''}{outcome}")


async def first_error() -> None:
    print("gather: the first error ends the wait")
    try:
        await asyncio.gather(fetch("home", 0.3), fetch("missing", 0.1), fetch("help", 0.2))
    except LookupError as error:
        print(f"  error: {error}")


async def done_and_pending() -> None:
    print("wait: until the first is done, then for 200 ms, then for all")
    tasks = {asyncio.create_task(fetch(page, seconds)) for page, seconds in [("home", 0.5), ("news", 0.1), ("help", 0.2)]}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(f"  FIRST_COMPLETED: {len(done)} done, {len(pending)} pending")
    done, pending = await asyncio.wait(tasks, timeout=0.2)
    print(f"  timeout: {len(done)} done, {len(pending)} pending, and it runs on")
    done, pending = await asyncio.wait(tasks)
    print(f"  ALL_COMPLETED: {len(done)} done, {len(pending)} pending")


async def as_they_come() -> None:
    print("as_completed: each one when it is there")
    for next_page in asyncio.as_completed([fetch("home", 0.3), fetch("news", 0.1), fetch("help", 0.2)]):
        print(f"  {await next_page}")


async def two_at_a_time() -> None:
    print("gather with a semaphore: six pages, two at a time")
    semaphore = asyncio.Semaphore(2)

    async def fetch_with_permit(page: str) -> str:
        async with semaphore:
            return await fetch(page, 0.1)

    pages = await asyncio.gather(*(fetch_with_permit(f"page-{number}") for number in range(1, 7)))
    print(f"  {' '.join(pages)}")


async def first_success() -> None:
    print("first success: a mirror that fails, a slow one, a quick one")
    mirrors = [
        asyncio.create_task(fetch(mirror, seconds))
        for mirror, seconds in [("missing-mirror", 0.1), ("slow-mirror", 0.4), ("quick-mirror", 0.2)]
    ]
    for mirror in asyncio.as_completed(mirrors):
        try:
            print(f"  {await mirror}")
            break
        except LookupError:
            continue
    for mirror in mirrors:
        mirror.cancel()


async def main() -> None:
    await results_in_order()
    await every_outcome()
    await first_error()
    await done_and_pending()
    await as_they_come()
    await two_at_a_time()
    await first_success()


asyncio.run(main())
