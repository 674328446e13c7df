"""How programs end: a server with a deadline, a service that accounts for its jobs, and a main that cleans up."""

import asyncio
import signal


async def job(name: str, seconds: float) -> None:
    """Takes its time; saves its work when it is cancelled."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(f"  {name} saves its work")
        await asyncio.sleep(0.05)
        raise


async def stubborn_job() -> None:
    """Ignores its first cancellation."""
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        await asyncio.sleep(10)


def at_signal(seconds: float, stop: asyncio.Event) -> None:
    """Simulates loop.add_signal_handler(signal.SIGTERM, stop.set)."""
    asyncio.get_running_loop().call_later(seconds, stop.set)


async def one_deadline() -> None:
    print("until a signal: three requests, and a fourth after a second; SIGTERM comes after 200 ms")
    stop = asyncio.Event()
    requests: set[asyncio.Task[None]] = set()

    async def handle(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        print(f"  {name} is answered")
        if name == "request-1":
            at_signal(0.1, stop)

    async def accept() -> None:
        for name, seconds in (("request-1", 0.1), ("request-2", 0.7), ("request-3", 0.8)):
            requests.add(asyncio.create_task(handle(name, seconds), name=name))
        await asyncio.sleep(1)
        requests.add(asyncio.create_task(handle("request-4", 0.1), name="request-4"))

    accepting = asyncio.create_task(accept())
    await stop.wait()
    print(f"  {signal.SIGTERM.name}: nothing new, and a second for what is in flight")
    accepting.cancel()
    _, left = await asyncio.wait(requests, timeout=1)
    print(f"  {len(left)} left")


async def two_deadlines() -> None:
    print("a service: four jobs; SIGTERM comes after 200 ms")
    stop = asyncio.Event()
    jobs: set[asyncio.Task[None]] = set()

    def account(task: asyncio.Task[None]) -> None:
        print(f"  {task.get_name()} {'was cancelled' if task.cancelled() else 'has finished'}")
        if task.get_name() == "job-1":
            at_signal(0.1, stop)

    async def take_in() -> None:
        for work in (job("job-1", 0.1), job("job-2", 0.6), job("job-3", 10), stubborn_job()):
            task = asyncio.create_task(work, name=f"job-{len(jobs) + 1}")
            task.add_done_callback(account)
            jobs.add(task)
        await asyncio.sleep(3600)  # until there is another job

    intake = asyncio.create_task(take_in())
    await stop.wait()
    print(f"  {signal.SIGTERM.name}: nothing new, 800 ms to finish, then 450 ms to clean up")
    intake.cancel()
    finished, in_flight = await asyncio.wait(jobs, timeout=0.8)
    for task in in_flight:
        task.cancel()
    cancelled, stragglers = await asyncio.wait(in_flight, timeout=0.45)
    names = ", ".join(task.get_name() for task in stragglers)
    print(f"  {len(finished)} finished, {len(cancelled)} cancelled, left: {names}")
    for task in stragglers:
        task.remove_done_callback(account)
        task.cancel()


async def interrupted_main() -> None:
    print("a main that is interrupted: Ctrl-C comes after 100 ms")

    async def work() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            print(f"  {signal.SIGINT.name}: main cleans up")
            await asyncio.sleep(0.1)
        return "the state is saved"

    main_task = asyncio.create_task(work())
    # As asyncio.run does at Ctrl-C.
    asyncio.get_running_loop().call_later(0.1, main_task.cancel)
    print(f"  {await main_task}")


async def main() -> None:
    await one_deadline()
    await two_deadlines()
    await interrupted_main()


asyncio.run(main())
