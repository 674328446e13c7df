"""Context managers: enter, body, and a clean-up that awaits, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager


class Connection:
    """Simulates a connection to a database."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    async def open(cls, name: str) -> "Connection":
        await asyncio.sleep(0.1)
        print(f"  {name}: connected")
        return cls(name)

    async def query(self, table: str, seconds: float) -> str:
        await asyncio.sleep(seconds)
        if table == "missing":
            raise LookupError(f"no table {table}")
        return f"{table}: 3 rows"

    async def close(self) -> None:
        await asyncio.sleep(0.05)
        print(f"  {self.name}: closed")


# The loop keeps only a weak reference: without this set the task may be collected.
closings: set[asyncio.Task] = set()


@asynccontextmanager
async def connected(name: str) -> AsyncIterator[Connection]:
    connection = await Connection.open(name)
    try:
        yield connection
    finally:
        # A task of its own: a second cancellation ends the waiting, not the closing.
        closing = asyncio.create_task(connection.close())
        closings.add(closing)
        closing.add_done_callback(closings.discard)
        await asyncio.shield(closing)


async def enter_body_exit() -> None:
    print("async with: connect, query, close")
    async with connected("shop") as connection:
        orders = await connection.query("orders", 0.2)
    print(f"  {orders}")


async def the_body_fails() -> None:
    print("async with: the body fails")
    try:
        async with connected("shop") as connection:
            print(f"  {await connection.query('missing', 0.1)}")
    except LookupError as error:
        print(f"  error: {error}")


async def cancelled_twice() -> None:
    print("async with: cancelled in the body, and again during the clean-up")

    async def report() -> None:
        async with connected("shop") as connection:
            print(f"  {await connection.query('history', 0.5)}")

    task = asyncio.create_task(report())
    await asyncio.sleep(0.25)
    task.cancel()
    print("  cancelled")
    await asyncio.sleep(0.02)
    task.cancel()
    print("  cancelled again")
    await asyncio.sleep(0.18)
    print("  the caller has gone on meanwhile")


class File:
    """Simulates a file on a slow disk."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    async def open(cls, name: str) -> "File":
        await asyncio.sleep(0.05)
        return cls(name)

    async def close(self) -> None:
        await asyncio.sleep(0.05)
        if self.name == "b.txt":
            raise OSError(f"{self.name}: disk full")
        print(f"  {self.name}: closed")


async def exit_stack() -> None:
    print("AsyncExitStack: three files, and two errors")
    try:
        async with AsyncExitStack() as stack:
            for name in ["a.txt", "b.txt", "c.txt"]:
                file = await File.open(name)
                stack.push_async_callback(file.close)
            await asyncio.sleep(0.1)
            raise LookupError("nothing to copy")
    except OSError as error:
        print(f"  errors: {error.__context__}; {error}")


class Pool:
    """Keeps connections for reuse, and runs a transaction on each."""

    def __init__(self, size: int) -> None:
        self.idle = asyncio.Queue()
        for number in range(1, size + 1):
            self.idle.put_nowait(f"connection {number}")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[str]:
        connection = await self.idle.get()
        try:
            try:
                await asyncio.sleep(0.03)
                yield connection
            except BaseException:
                await asyncio.sleep(0.05)
                print(f"  {connection}: rolled back")
                raise
            await asyncio.sleep(0.05)
            print(f"  {connection}: committed")
        finally:
            self.idle.put_nowait(connection)


async def transactions() -> None:
    print("a pool of two connections: three transactions")
    pool = Pool(2)

    async def payment() -> str:
        async with pool.transaction():
            await asyncio.sleep(0.2)
        return "paid"

    async def refund() -> str:
        async with pool.transaction():
            await asyncio.sleep(0.1)
            raise LookupError("no such payment")

    async def audit() -> str:
        async with asyncio.timeout(0.45), pool.transaction():
            await asyncio.sleep(0.5)
        return "all is well"

    outcomes = await asyncio.gather(payment(), refund(), audit(), return_exceptions=True)
    for outcome in outcomes:
        print(f"  {'timed out' if isinstance(outcome, TimeoutError) else outcome}")
    print(f"  {pool.idle.qsize()} connections are back in the pool")


async def journal() -> None:
    """Runs until it is cancelled."""
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.1)
        print("  the journal is written")


async def main() -> None:
    await enter_body_exit()
    await the_body_fails()
    await cancelled_twice()
    await exit_stack()
    await transactions()
    background = asyncio.create_task(journal())
    await asyncio.sleep(0.1)
    print(f"the end of main: {0 if background.done() else 1} task is left")


# Cancels what is left, and waits for it.
asyncio.run(main())
