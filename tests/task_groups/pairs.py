"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio


async def fetch(page):
    """Takes 10 ms, and fails for a page that is missing."""
    await asyncio.sleep(0.01)
    if page == "missing":
        raise LookupError(page)
    return f"<{page}>"


async def links(page):
    """Takes 10 ms."""
    await asyncio.sleep(0.01)
    return {"home": ["news", "help"], "news": ["home", "sport"]}.get(page, [])


log = []


async def roll_back(name):
    await asyncio.sleep(0.01)
    log.append(f"{name} rolled back")


async def upload(name):
    try:
        await asyncio.sleep(60)
    finally:
        await roll_back(name)


async def values_after_the_block():
    async with asyncio.TaskGroup() as group:
        home = group.create_task(fetch("home"))
        news = group.create_task(fetch("news"))
    pages = [home.result(), news.result()]

    assert pages == ["<home>", "<news>"]


async def the_first_failure_ends_the_others():
    log.clear()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(upload("photos"))
            group.create_task(fetch("missing"))
            await asyncio.sleep(60)  # is cancelled
    except* LookupError as errors:
        missing = [str(error) for error in errors.exceptions]  # photos are rolled back by now

    assert (log, missing) == (["photos rolled back"], ["missing"])


async def clean_up_with_awaits():
    log.clear()

    async def upload(name):
        try:
            await asyncio.sleep(60)
        finally:
            await roll_back(name)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(upload("photos"))
        await asyncio.sleep(0.01)
        task.cancel()

    assert log == ["photos rolled back"]


async def a_timeout_that_waits_for_the_children():
    log.clear()
    is_late = False

    try:
        async with asyncio.timeout(0.05), asyncio.TaskGroup() as group:
            group.create_task(upload("photos"))
    except TimeoutError:
        is_late = True  # photos are rolled back by now

    assert (log, is_late) == (["photos rolled back"], True)


async def children_that_borrow():
    found = {"home"}

    async def follow(group, page):
        for link in await links(page):
            if link not in found:
                found.add(link)
                group.create_task(follow(group, link))

    async with asyncio.TaskGroup() as group:
        group.create_task(follow(group, "home"))

    assert found == {"home", "news", "help", "sport"}
