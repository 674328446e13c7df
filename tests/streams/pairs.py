"""The asyncio half of the chapter's pairs: each function has the name, and asserts the same, as the one in pairs.rs."""

import asyncio
import struct


async def capitals(reader, writer):
    """Answers in capitals when the peer has ended its direction."""
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()


async def ask(address, request):
    """Sends, ends its direction, and reads the answer."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def end_of(*servers):
    """Closes servers, and lets the loop close what their connections have left."""
    for server in servers:
        server.close()
    await asyncio.sleep(0.01)


async def connect_write_and_read_to_the_end():
    server = await asyncio.start_server(capitals, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()

    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"hello")
    writer.write_eof()
    answer = await reader.read()  # without a limit
    writer.close()
    await writer.wait_closed()

    assert answer == b"HELLO"
    await end_of(server)


async def serve_until_the_stop():
    server = await asyncio.start_server(capitals, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    answer = await ask(address, b"hello")
    server.close()
    await server.wait_closed()

    assert answer == b"HELLO"
    await end_of(server)


async def lines_of_a_limited_length():
    reader = asyncio.StreamReader(limit=8)
    reader.feed_data(b"first\ntoo long a line\n")
    reader.feed_eof()
    log = []

    while not reader.at_eof():
        try:
            log.append((await reader.readuntil(b"\n")).decode().rstrip("\n"))
        except asyncio.LimitOverrunError as error:
            log.append("too long")
            await reader.readexactly(error.consumed + 1)  # if its newline has come

    assert log == ["first", "too long"]


async def pass_bytes_on_both_ways():
    behind = await asyncio.start_server(capitals, "127.0.0.1", 0)
    target = behind.sockets[0].getsockname()
    passed = []

    async def one_way(reader, writer):
        while chunk := await reader.read(8 * 1024):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()

    async def relay(client_reader, client_writer):
        reader, writer = await asyncio.open_connection(*target)
        await asyncio.gather(one_way(client_reader, writer), one_way(reader, client_writer))
        writer.close()
        client_writer.close()
        passed.append("both")

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    answer = await ask(server.sockets[0].getsockname(), b"hello")
    assert (answer, passed) == (b"HELLO", ["both"])
    await end_of(server, behind)


async def frames_with_a_length():
    wire, reader = bytearray(), asyncio.StreamReader()

    wire += struct.pack(">I", 5) + b"hello"
    reader.feed_data(wire)
    (length,) = struct.unpack(">I", await reader.readexactly(4))  # four gigabytes, if the peer says so
    frame = await reader.readexactly(length)

    assert frame == b"hello"


async def the_first_address_that_answers():
    server = await asyncio.start_server(capitals, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    reader, writer = await asyncio.open_connection("127.0.0.1", port, happy_eyeballs_delay=0.25)

    assert writer.get_extra_info("peername") == ("127.0.0.1", port)
    writer.write_eof()
    await reader.read()
    writer.close()
    await end_of(server)
