"""Time limits, cancellation, and work that is protected from both."""

import asyncio
from contextlib import suppress


async def fetch(page: str, seconds: float) -> str:
    """Stands for a request: takes its time, and fails for a page that is missing."""
    await asyncio.sleep(seconds)
    if page == "missing":
        raise LookupError(f"{page} not found")
    return f"<{page}>"


async def cut_off() -> None:
    print("timeout: 200 ms for a page")
    for page, seconds in [("home", 0.1), ("slow", 0.5)]:
        try:
            async with asyncio.timeout(0.2):
                print(f"  {await fetch(page, seconds)}")
        except TimeoutError:
            print(f"  {page}: timed out")


async def one_deadline() -> None:
    print("timeout_at, nested: 400 ms for a request, in it 150 ms for a mirror")
    deadline = asyncio.get_running_loop().time() + 0.4
    try:
        async with asyncio.timeout_at(deadline):
            for mirror, seconds in [("near", 0.5), ("far", 0.1)]:
                try:
                    async with asyncio.timeout(0.15):
                        print(f"  {await fetch(mirror, seconds)}")
                except TimeoutError:
                    print("  mirror timed out")
            print(f"  {await fetch('news', 0.5)}")
    except TimeoutError:
        print("  request timed out")


async def close() -> None:
    """Stands for the end of a session with a database."""
    await asyncio.sleep(0.05)
    print("  closed")


async def history() -> str:
    try:
        return await fetch("history", 0.5)
    finally:
        await close()


async def half_a_history() -> str:
    try:
        return await fetch("history", 0.5)
    except asyncio.CancelledError:
        return "<half of it>"
    finally:
        await close()


async def broken_history() -> str:
    try:
        return await fetch("history", 0.5)
    finally:
        await asyncio.sleep(0.05)
        raise OSError("connection lost")


async def clean_up_first() -> None:
    print("wait_for: 100 ms, and it waits for the clean-up")
    for work in [history, half_a_history, broken_history]:
        try:
            print(f"  {await asyncio.wait_for(work(), 0.1)}")
        except TimeoutError:
            print("  timed out")
        except OSError as error:
            print(f"  error: {error}")


async def moved() -> None:
    print("reschedule: 200 ms for each chunk")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(0.2) as limit:
            for chunk, seconds in [("chunk-1", 0.1), ("chunk-2", 0.15), ("chunk-3", 0.5)]:
                print(f"  {await fetch(chunk, seconds)}")
                limit.reschedule(loop.time() + 0.2)
    except TimeoutError:
        print(f"  {'expired' if limit.expired() else 'not expired'}")


async def cooperative() -> None:
    print("told to stop: five jobs, 150 ms each, and a journal")
    jobs, stop = [f"job-{number}" for number in range(1, 6)], asyncio.Event()

    async def work() -> int:
        done = 0
        while jobs and not stop.is_set():
            print(f"  {await fetch(jobs.pop(0), 0.15)}")
            done += 1
        await asyncio.sleep(0.03)
        print("  journal written")
        return done

    worker = asyncio.create_task(work())
    await asyncio.sleep(0.25)
    stop.set()
    print("  stop")
    print(f"  {await worker} done, {len(jobs)} left")


async def cancel_and_confirm() -> None:
    print("cancel: three tasks, and how each ended")
    tasks = {
        "home": asyncio.create_task(fetch("home", 0.04)),
        "missing": asyncio.create_task(fetch("missing", 0.05)),
        "history": asyncio.create_task(history()),
    }
    await asyncio.sleep(0.2)
    for name, task in tasks.items():
        asked = "told to stop" if task.cancel("shutting down") else "done before"
        try:
            print(f"  {name}, {asked}: {await task}")
        except LookupError as error:
            print(f"  {name}, {asked}: error: {error}")
        except asyncio.CancelledError as error:
            print(f"  {name}, {asked}: cancelled: {error}")


async def pay(card: str) -> str:
    await asyncio.sleep(0.2)
    if card == "old card":
        raise PermissionError(f"{card} declined")
    return f"paid by {card}"


async def shielded() -> None:
    print("shield: the caller waits 100 ms, a payment takes 200")
    payment = asyncio.create_task(pay("new card"))
    try:
        print(f"  {await asyncio.wait_for(asyncio.shield(payment), 0.1)}")
    except TimeoutError:
        print("  the caller gives up")
    print(f"  later: {await payment}")

    payment = asyncio.create_task(pay("old card"))
    payment.add_done_callback(lambda task: print(f"  no caller is left: {task.exception()}"))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(payment), 0.1)
    await asyncio.sleep(0.2)


async def one_loop() -> None:
    print("a loop over lines, a heartbeat each 250 ms, and an end after 280 ms of silence")
    reader = asyncio.StreamReader()

    async def peer() -> None:
        for seconds, data in [(0.15, b"hello\nhalf a "), (0.15, b"line\n"), (0.01, b"bye\n")]:
            await asyncio.sleep(seconds)
            reader.feed_data(data)

    talking = asyncio.create_task(peer())
    loop = asyncio.get_running_loop()
    heartbeat_due, idle_over = loop.time() + 0.25, loop.time() + 0.28
    while True:
        try:
            async with asyncio.timeout_at(min(heartbeat_due, idle_over)):
                line = await reader.readline()      # keeps half a line in the reader
        except TimeoutError:
            if loop.time() >= idle_over:
                break
            print("  heartbeat")
            heartbeat_due = loop.time() + 0.25
        else:
            print(f"  {line.decode().strip()}")
            idle_over = loop.time() + 0.28
    print("  silence")
    await talking


async def main() -> None:
    await cut_off()
    await one_deadline()
    await clean_up_first()
    await moved()
    await cooperative()
    await cancel_and_confirm()
    await shielded()
    await one_loop()


asyncio.run(main())
