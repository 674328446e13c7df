"""Groups of tasks: who is waited for, who is cancelled, and which errors come out."""

import asyncio


async def fetch(page: str, seconds: float) -> str:
    """In place of a request: takes its time, and fails for a page that is missing."""
    await asyncio.sleep(seconds)
    if page.startswith("missing"):
        raise LookupError(f"{page} not found")
    return f"<{page}>"


async def roll_back(name: str, fails: bool) -> None:
    """In place of a clean-up that waits for a server."""
    await asyncio.sleep(0.05)
    if fails:
        raise OSError(f"{name} not rolled back")
    print(f"  {name} rolled back")


async def upload(name: str, *, fails: bool = False) -> None:
    """In place of a long upload. It rolls back when it is cancelled."""
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        await roll_back(name, fails)
        raise


async def values() -> None:
    print("TaskGroup: three pages, and their values after the block")
    async with asyncio.TaskGroup() as group:
        pages = [group.create_task(fetch(page, seconds)) for page, seconds in [("home", 0.3), ("news", 0.1), ("help", 0.2)]]
    print(f"  {' '.join(page.result() for page in pages)}")


async def children_add_children() -> None:
    print("children add children: a page, and those that it links to")

    async def follow(group: asyncio.TaskGroup) -> None:
        print(f"  {await fetch('home', 0.1)}")
        for link, seconds in [("news", 0.3), ("help", 0.1)]:
            group.create_task(show(link, seconds))

    async def show(page: str, seconds: float) -> None:
        print(f"  {await fetch(page, seconds)}")

    async with asyncio.TaskGroup() as group:
        group.create_task(follow(group))


async def first_failure() -> None:
    print("one fails: the others and the body are cancelled, all are waited for")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(upload("photos"))
            group.create_task(fetch("missing", 0.1))
            print(f"  {await fetch('home', 1)}")
    except* LookupError as errors:
        print(f"  {errors.exceptions[0]}")


async def all_errors() -> None:
    print("all errors come out together, also those of the clean-up")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(upload("photos", fails=True))
            group.create_task(fetch("missing", 0.1))
    except* LookupError as errors:
        print(f"  a lookup failed: {errors.exceptions[0]}")
    except* OSError as errors:
        print(f"  the server failed: {errors.exceptions[0]}")


async def nested() -> None:
    print("nested: the inner group fails, and the outer one with it")
    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(upload("photos"))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(upload("videos"))
                inner.create_task(fetch("missing", 0.1))
    except ExceptionGroup as errors:
        print(f"  {len(errors.exceptions)} error, which is a group of {len(errors.exceptions[0].exceptions)}")


async def cancelled_from_outside() -> None:
    print("cancelled from outside: the children are waited for")

    async def uploads() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(upload("photos"))
            await fetch("home", 1)

    task = asyncio.create_task(uploads())
    await asyncio.sleep(0.1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("  cancelled")


async def too_late() -> None:
    print("a timeout around it: the children are waited for")
    try:
        async with asyncio.timeout(0.1), asyncio.TaskGroup() as group:
            group.create_task(upload("photos"))
    except TimeoutError:
        print("  too late")


async def cancelled_alone() -> None:
    print("one child cancelled: that is no failure")

    ticks: asyncio.Queue[str] = asyncio.Queue(1)

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.04)
            await ticks.put("tick")

    async with asyncio.TaskGroup() as group:
        child = group.create_task(tick())
        for _ in range(2):
            print(f"  {await ticks.get()}")
        child.cancel()

    late = fetch("news", 0.1)
    try:
        group.create_task(late)
    except RuntimeError:
        late.close()
        print("  the group is over, and takes no more")


async def a_list() -> None:
    print("a list of coroutines: their values, or the first error")
    for second in ["news", "missing"]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(fetch(page, seconds)) for page, seconds in [("home", 0.1), (second, 0.2)]]
            print(f"  {' '.join(task.result() for task in tasks)}")
        except* LookupError as errors:
            print(f"  {errors.exceptions[0]}")


async def borrowed() -> None:
    print("a local variable, and children that look into it")
    site = {"home": ["news", "help"], "news": ["home", "sport"], "sport": ["news"], "help": [], "lost": ["home"]}
    found = {"home"}

    async def follow(group: asyncio.TaskGroup, page: str) -> None:
        await fetch(page, 0.1)
        for link in site[page]:
            if link not in found:
                found.add(link)
                group.create_task(follow(group, link))

    async with asyncio.TaskGroup() as group:
        group.create_task(follow(group, "home"))
    print(f"  {len(found)} of {len(site)} pages are reached from home")


async def main() -> None:
    await values()
    await children_add_children()
    await first_failure()
    await all_errors()
    await nested()
    await cancelled_from_outside()
    await too_late()
    await cancelled_alone()
    await a_list()
    await borrowed()


asyncio.run(main())
