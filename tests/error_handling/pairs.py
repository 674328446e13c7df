"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import random


class Busy(Exception):
    pass


class NotFound(LookupError):
    pass


async def fetch(page):
    """A simulated request."""
    await asyncio.sleep(0.1)
    if page == "missing":
        raise NotFound(f"{page} not found")
    return f"<{page}>"


async def retry_five_times_and_give_up_after_a_minute():
    calls = []

    async def fetch(page):
        calls.append(page)
        if len(calls) < 3:
            raise Busy
        return f"<{page}>"

    async with asyncio.timeout(60):
        for attempt in range(5):
            try:
                page = await fetch("home")
                break
            except Busy:
                if attempt == 4:
                    raise
                await asyncio.sleep(0.1 * 2**attempt * random.uniform(0.5, 1))

    assert (page, len(calls)) == ("<home>", 3)


async def stop_calling_what_keeps_failing():
    answers, refused = [], 0
    clock = asyncio.get_running_loop().time

    failures = []
    for _ in range(5):
        if len(failures) >= 3 and clock() < failures[-1] + 30:
            refused += 1
            continue
        try:
            answers.append(await fetch("missing"))
        except NotFound:
            failures.append(clock())

    assert (len(failures), refused) == (3, 2)


async def catch_one_tasks_error():
    try:
        page = await asyncio.create_task(fetch("missing"))
    except NotFound:
        page = "<default>"

    assert page == "<default>"


async def pick_a_group_of_errors_apart():
    errors = [NotFound("news not found"), ValueError("no title")]
    missing, left = [], []

    try:
        try:
            raise ExceptionGroup("pages", errors)
        except* NotFound as group:
            missing.extend(group.exceptions)
    except ExceptionGroup as rest:
        left.extend(rest.exceptions)

    assert [str(error) for error in missing] == ["news not found"]
    assert str(left[0]) == "no title"


async def hear_of_a_background_task_that_failed():
    log = []

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: log.append(str(context["exception"])))
    asyncio.create_task(fetch("missing"))
    await asyncio.sleep(0.2)

    asyncio.get_running_loop().set_exception_handler(None)
    assert log == ["missing not found"]
