"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def fetch(page):
    """Takes 10 ms, and fails for a page that is missing."""
    await asyncio.sleep(0.01)
    if page == "missing":
        raise LookupError(page)
    return f"<{page}>"


async def results_stand_in_the_order_of_the_arguments():
    home, news = await asyncio.gather(fetch("home"), fetch("news"))
    pages = await asyncio.gather(*map(fetch, ["home", "news", "help"]))

    assert (home, news, pages) == ("<home>", "<news>", ["<home>", "<news>", "<help>"])


async def ten_at_a_time_in_order():
    semaphore = asyncio.Semaphore(10)

    async def fetch_with_permit(page):
        async with semaphore:
            return await fetch(page)

    pages = await asyncio.gather(*map(fetch_with_permit, range(100)))

    assert pages == [f"<{page}>" for page in range(100)]


async def an_error_is_one_result_among_others():
    outcomes = await asyncio.gather(fetch("home"), fetch("missing"), return_exceptions=True)

    assert [str(outcome) for outcome in outcomes] == ["<home>", "missing"]


async def the_first_error_ends_the_wait():
    loaded, missing = [], []

    try:
        loaded += await asyncio.gather(*map(fetch, ["home", "missing", "help"]))
    except LookupError as error:
        missing.append(str(error))  # the other two run on

    assert (loaded, missing) == ([], ["missing"])


async def the_first_of_two_and_the_other_runs_on():
    log = []

    page = asyncio.create_task(fetch("home"))
    hint = asyncio.create_task(asyncio.sleep(0.001))
    done, pending = await asyncio.wait({page, hint}, return_when=asyncio.FIRST_COMPLETED)
    if page not in done:
        log.append("still loading")
    log.append(await page)

    assert log == ["still loading", "<home>"]


async def each_result_when_it_is_there():
    log = []

    async def load(page, seconds):
        await asyncio.sleep(seconds)
        return page

    for task in asyncio.as_completed([load("slow", 0.02), load("quick", 0.01)]):
        log.append(await task)

    assert log == ["quick", "slow"]
