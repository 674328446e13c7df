"""A server and its clients, over sockets of this machine."""

import asyncio
import struct

MILLION = 1_000_000


async def main() -> None:
    await write_and_read_to_the_end()
    await lines_with_a_limit()
    await relay_with_half_close()
    await requests_over_one_connection()
    await room_with_a_slow_member()
    await first_address_that_answers()
    await graceful_stop()


class Server:
    """start_server, with its address and the tasks of its connections, which asyncio keeps to itself until 3.13."""

    def __init__(self, handle, **options):
        self.handle, self.options, self.tasks, self.handled = handle, options, set(), 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.connected, "127.0.0.1", 0, **self.options)
        self.address = self.server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_error):
        self.server.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def connected(self, reader, writer):
        self.handled += 1
        self.tasks.add(asyncio.current_task())
        try:
            await self.handle(reader, writer)
        except asyncio.CancelledError:
            # Python 3.11 prints a traceback for a connection whose task is cancelled.
            writer.transport.abort()
        finally:
            writer.close()


async def ask(address, request):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def capitals(reader, writer):
    writer.write((await reader.read()).upper())
    await writer.drain()


async def write_and_read_to_the_end():
    print("open_connection: write, write_eof, read to the end")
    async with Server(capitals) as server:
        answer = await ask(server.address, b"hello")
        print(f"  the answer to hello: {answer.decode()}")
    print(f"  connections handled: {server.handled}")


async def lines_with_a_limit():
    print("readuntil: lines of at most 8 bytes")

    async def lines(reader, _writer):
        is_skipping = False
        while True:
            try:
                line = await reader.readuntil()
                if not is_skipping:
                    print(f"  line: {line.decode().rstrip()}")
                is_skipping = False
            except asyncio.LimitOverrunError as error:
                if not is_skipping:
                    print("  longer than 8 bytes: skipped")
                # What it has looked at is still in the buffer; the newline may come next.
                await reader.readexactly(error.consumed)
                is_skipping = True
            except asyncio.IncompleteReadError as error:
                if error.partial:
                    print(f"  the end came after: {error.partial.decode()}")
                return

    async with Server(lines, limit=8) as server:
        await ask(server.address, b"first\na line that is much too long\nthird\nunfin")


async def relay_with_half_close():
    print("relay: a million bytes there, then write_eof, then a million back")

    async def one_way(reader, writer):
        passed = 0
        while chunk := await reader.read(8 * 1024):
            writer.write(chunk)
            await writer.drain()
            passed += len(chunk)
        writer.write_eof()
        return passed

    async with Server(capitals) as behind:

        async def relay(reader, writer):
            reader_behind, writer_behind = await asyncio.open_connection(*behind.address)
            there, back = await asyncio.gather(one_way(reader, writer_behind), one_way(reader_behind, writer))
            writer_behind.close()
            print(f"  the relay has passed on {there} and {back} bytes")

        async with Server(relay) as server:
            answer = await ask(server.address, b"x" * MILLION)
    are_right = answer == b"X" * MILLION
    print(f"  the client has {len(answer)} bytes back, and they are {'right' if are_right else 'wrong'}")


async def requests_over_one_connection():
    print("frames with ids: three requests over one connection, answered as they are done")

    async def read_frame(reader):
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        frame = await reader.readexactly(length)
        return struct.unpack(">Q", frame[:8])[0], frame[8:]

    def frame(id, body):
        return struct.pack(">IQ", 8 + len(body), id) + body

    async def answer(reader, writer):
        async def think(id, name):
            await asyncio.sleep({b"slow": 0.5, b"middling": 0.3, b"quick": 0.1}[name])
            writer.write(frame(id, name + b" is done"))

        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    group.create_task(think(*await read_frame(reader)))
            except asyncio.IncompleteReadError:
                pass

    async with Server(answer) as server:
        reader, writer = await asyncio.open_connection(*server.address)
        waiting = {}
        for id, request in enumerate([b"slow", b"middling", b"quick"]):
            waiting[id] = request
            writer.write(frame(id, request))
        writer.write_eof()
        while waiting:
            id, body = await read_frame(reader)
            del waiting[id]
            print(f"  {body.decode()}")
        writer.close()


async def room_with_a_slow_member():
    print("a room: 500 messages of 64 KiB, and a member who never reads")
    members = {}

    async def member(_reader, writer):
        name = ["reader", "sleeper"][len(members)]
        messages = asyncio.Queue(16)
        members[name] = messages, asyncio.current_task()
        try:
            while True:
                writer.write(await messages.get())
                await writer.drain()
        finally:
            if name not in members:
                print(f"  {name} is too slow: dropped")

    async with Server(member) as server:
        reader, writer = await asyncio.open_connection(*server.address)
        while not members:
            await asyncio.sleep(0)
        # Its StreamReader reads ahead until its buffer is full.
        _sleeping, sleeper = await asyncio.open_connection(*server.address)
        while len(members) < 2:
            await asyncio.sleep(0)
        for _ in range(500):
            for name, (messages, task) in list(members.items()):
                try:
                    messages.put_nowait(b"x" * 64 * 1024)
                except asyncio.QueueFull:
                    # The task may be in the middle of a drain.
                    del members[name]
                    task.cancel()
            await reader.readexactly(64 * 1024)
        print(f"  reader has heard all, and {len(members)} member is left")
        members["reader"][1].cancel()
    for peer in [writer, sleeper]:
        peer.close()


async def first_address_that_answers():
    print("two addresses: nothing listens at the first")
    async with Server(capitals) as good:
        async with Server(capitals) as bad:
            closed = bad.address
        for name, address in [("first", closed), ("second", good.address)]:
            try:
                _reader, writer = await asyncio.open_connection(*address)
            except ConnectionRefusedError:
                continue
            print(f"  connected to the {name}")
            writer.close()
            break


async def graceful_stop():
    print("close: a listener, and three connections that are open")
    stop, words = asyncio.Event(), asyncio.Queue()

    async def until_the_word(reader, _writer):
        word = await reader.readexactly(4)
        words.put_nowait(word)
        if word == b"obey":
            await stop.wait()
        else:
            await asyncio.Event().wait()

    server = await Server(until_the_word).__aenter__()
    writers = []
    for word in [b"obey", b"obey", b"hang"]:
        _reader, writer = await asyncio.open_connection(*server.address)
        writer.write(word)
        writers.append(writer)
    for _ in writers:
        await words.get()
    server.server.close()
    stop.set()
    ended, left = await asyncio.wait(server.tasks, timeout=0.2)
    for task in left:
        task.cancel()
    await asyncio.wait(left)
    print(f"  {len(ended)} have ended, {len(left)} was cut at the deadline")
    try:
        await asyncio.open_connection(*server.address)
        print("  a new connection is accepted")
    except ConnectionRefusedError:
        print("  a new connection is refused")
    for writer in writers:
        writer.close()


asyncio.run(main())
