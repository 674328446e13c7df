"""The asyncio side of benches/streams.rs: an echo server and its clients on one event loop, asyncio's and uvloop's."""

import asyncio
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests"))
import parity

python = parity.python_for(pathlib.Path(__file__).resolve().parent)
if sys.executable != python:
    os.execv(python, [python, *sys.argv])

import uvloop


class Streams:
    """start_server and open_connection."""

    async def listen(self) -> None:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.address = self.server.sockets[0].getsockname()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(64 * 1024):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async def connect(self):
        return await asyncio.open_connection(*self.address)

    async def echoes(self, connection, message: bytes, times: int) -> None:
        reader, writer = connection
        for _ in range(times):
            writer.write(message)
            await writer.drain()
            assert await reader.readexactly(len(message)) == message

    async def ask(self, message: bytes) -> None:
        reader, writer = await self.connect()
        writer.write(message)
        writer.write_eof()
        assert await reader.read() == message
        writer.close()
        await writer.wait_closed()

    def close(self, connection) -> None:
        connection[1].close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Client(asyncio.Protocol):
    """Sends the next message when the whole echo of the last one is there."""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def start(self, message: bytes, times: int) -> asyncio.Future:
        self.message, self.times, self.missing = message, times, len(message)
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(message)
        return self.done

    def data_received(self, data: bytes) -> None:
        self.missing -= len(data)
        if self.missing == 0:
            self.times -= 1
            if self.times == 0:
                self.done.set_result(None)
            else:
                self.missing = len(self.message)
                self.transport.write(self.message)


class Asking(asyncio.Protocol):
    """Sends one message and its end when it is connected, and reads to the end."""

    def __init__(self, message: bytes) -> None:
        self.message, self.answer = message, b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport) -> None:
        transport.write(self.message)
        transport.write_eof()

    def data_received(self, data: bytes) -> None:
        self.answer += data

    def connection_lost(self, error) -> None:
        self.done.set_result(None)


class Protocols:
    """create_server and create_connection, with callbacks alone."""

    async def listen(self) -> None:
        self.server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
        self.address = self.server.sockets[0].getsockname()

    async def connect(self) -> Client:
        _transport, client = await asyncio.get_running_loop().create_connection(Client, *self.address)
        return client

    async def echoes(self, client: Client, message: bytes, times: int) -> None:
        await client.start(message, times)

    async def ask(self, message: bytes) -> None:
        _transport, client = await asyncio.get_running_loop().create_connection(lambda: Asking(message), *self.address)
        await client.done
        assert client.answer == message

    def close(self, client: Client) -> None:
        client.transport.close()


async def measure(kind, connections: int, times: int, rounds: int, size: int) -> list[int]:
    """The time of each round. Without a size, each echo has a connection of its own."""
    side = kind()
    await side.listen()
    open_ones = [await side.connect() for _ in range(connections if size else 0)]
    taken = []

    async def asks() -> None:
        for _ in range(times):
            await side.ask(b"x" * 64)

    for _ in range(rounds + 1):
        start = time.perf_counter_ns()
        if size:
            await asyncio.gather(*(side.echoes(each, b"x" * size, times) for each in open_ones))
        else:
            await asyncio.gather(*(asks() for _ in range(connections)))
        taken.append(time.perf_counter_ns() - start)
    for each in open_ones:
        side.close(each)
    side.server.close()
    await asyncio.sleep(0.1)
    return taken[1:]


connections, times, rounds, size = map(int, sys.argv[1:])
for loop, factory in [("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop)]:
    for kind, name in [(Streams, "streams"), (Protocols, "Protocol")]:
        with asyncio.Runner(loop_factory=factory) as runner:
            taken = runner.run(measure(kind, connections, times, rounds, size))
        print(statistics.median(taken) / (connections * times), f"{loop}, {name}")
