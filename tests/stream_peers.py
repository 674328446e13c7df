#!/usr/bin/env python3
"""Runs the programs of streams against peers that this project did not write.

    python3 tests/stream_peers.py target/debug

The folder has the binary `streams` and the examples. The peers are nc, openssl's s_client, and asyncio's
streams: as client and as server, in plain text, over TLS, and by start_tls. At the end, 10,000 connections are open at
once: the line server is one process, the clients are this one. It says how much memory each connection takes.

All of it is on free ports of 127.0.0.1, in a folder that goes away.
"""

import asyncio
import contextlib
import pathlib
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

from peers import check, failed

CONNECTIONS = 10_000
# A connection has a buffer of 8 KiB, a task, and its entries in the tables of the runtime.
KILOBYTES_EACH = 16
SECONDS = 60


@contextlib.contextmanager
def serving(*command: object):
    """A program that prints the address at which it listens; the process and its port."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        yield process, int(re.search(r":(\d+)$", line.strip()).group(1))
    finally:
        process.terminate()
        process.wait(SECONDS)
        process.stdout.close()


def run(*command: object, given: str = "") -> subprocess.CompletedProcess:
    words = [str(word) for word in command]
    return subprocess.run(words, input=given, capture_output=True, text=True, timeout=SECONDS)


def make_certificate(folder: pathlib.Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


def against_nc(programs: pathlib.Path) -> None:
    with serving(programs / "streams", "--listen", "127.0.0.1:0", "--max-line", "20") as (_server, port):
        result = run("nc", "-N", "127.0.0.1", port, given="hello\nworld")
        check("nc: a line, and half a line at its end", result.stdout == "HELLO\nWORLD", result)
        result = run("nc", "-N", "127.0.0.1", port, given="x" * 100_000 + "\nshort\n")
        expected = "error: a line is longer than 20 bytes\nSHORT\n"
        check("nc: a line that is too long, and the next one", result.stdout == expected, result)


async def ask(port: int, text: bytes, **options) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    writer.write(text)
    if writer.can_write_eof():
        writer.write_eof()
        answer = await reader.read()
    else:
        answer = await reader.readline()
    writer.close()
    with contextlib.suppress(ssl.SSLError):
        await writer.wait_closed()
    return answer


async def capitals(reader, writer) -> None:
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()


async def against_asyncio(programs: pathlib.Path) -> None:
    with serving(programs / "streams", "--listen", "127.0.0.1:0") as (_server, port):
        answers = await asyncio.gather(*(ask(port, f"line {number}\n".encode()) for number in range(100)))
        expected = [f"LINE {number}\n".encode() for number in range(100)]
        check("asyncio: a hundred clients of the line server", answers == expected, answers[:3])
    server = await asyncio.start_server(capitals, "127.0.0.1", 0)
    behind = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for what, command in [
        ("--relay", [programs / "streams", "--relay", "127.0.0.1:0", behind]),
        ("the example relay", [programs / "examples" / "relay", "127.0.0.1:0", behind]),
    ]:
        with serving(*command) as (_relay, port):
            answer = await ask(port, b"x" * 1_000_000)
            check(f"asyncio: client and server, a million bytes by {what}", answer == b"X" * 1_000_000, len(answer))
    server.close()


async def against_tls(programs: pathlib.Path, folder: pathlib.Path) -> None:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    ours = programs / "examples" / "tls"
    with serving(ours, "serve", "127.0.0.1:0", certificate, key) as (_server, port):
        for version in ["-tls1_2", "-tls1_3"]:
            command = ["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", certificate, version]
            process = await asyncio.create_subprocess_exec(
                *map(str, command), "-servername", "localhost", "-connect", f"127.0.0.1:{port}",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            process.stdin.write(b"hello\n")
            answer = await asyncio.wait_for(process.stdout.readline(), SECONDS)
            process.kill()
            _rest, errors = await process.communicate()
            check(f"openssl s_client {version}: a line", answer == b"HELLO\n", errors)
        trusted = ssl.create_default_context(cafile=certificate)
        answer = await ask(port, b"hello\n", ssl=trusted, server_hostname="localhost")
        check("asyncio with ssl: a client of ours", answer == b"HELLO\n", answer)
        try:
            await ask(port, b"hello\n", ssl=ssl.create_default_context(), server_hostname="localhost")
            check("asyncio with ssl: does not trust ours without its root", False, "it does")
        except ssl.SSLCertVerificationError:
            check("asyncio with ssl: does not trust ours without its root", True, "")
    with serving(ours, "serve", "127.0.0.1:0", certificate, key, "starttls") as (_server, port):
        answer = await ask_for_tls(port, trusted)
        check("asyncio with start_tls: a client of ours", answer == b"HELLO\n", answer)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(one_line, "127.0.0.1", 0, ssl=context)
    await one_line_of_ours(ours, server, certificate, "ssl")
    server = await asyncio.start_server(lambda *streams: line_after_tls(context, *streams), "127.0.0.1", 0)
    await one_line_of_ours(ours, server, certificate, "start_tls", "starttls")


async def one_line_of_ours(ours: pathlib.Path, server, certificate: pathlib.Path, what: str, *words: str) -> None:
    """Our client of a server of asyncio's: it trusts the server's root, and no other name."""
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name, is_trusted in [("localhost", True), ("example.org", False)]:
        process = await asyncio.create_subprocess_exec(
            ours, "connect", address, name, certificate, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        answer, errors = await asyncio.wait_for(process.communicate(), SECONDS)
        if is_trusted:
            holds = (process.returncode, answer) == (0, b"HELLO\n")
            check(f"asyncio with {what}: a server of ours", holds, (answer, errors))
        else:
            holds = process.returncode == 1 and answer == b"" and b"certificate" in errors
            check(f"asyncio with {what}: ours refuses it under another name", holds, (answer, errors))
    server.close()


async def one_line(reader, writer) -> None:
    try:
        writer.write((await reader.readline()).upper())
        await writer.drain()
    except OSError:
        pass  # a client that does not trust it is gone
    writer.close()


async def line_after_tls(context: ssl.SSLContext, reader, writer) -> None:
    if await reader.readline() == b"STARTTLS\n":
        writer.write(b"GO\n")
        await writer.drain()
        try:
            await writer.start_tls(context)
        except OSError:
            return writer.close()
        await one_line(reader, writer)


async def ask_for_tls(port: int, trusted: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"STARTTLS\n")
    if await reader.readline() == b"GO\n":
        await writer.start_tls(trusted, server_hostname="localhost")
        writer.write(b"hello\n")
        answer = await reader.readline()
        writer.close()
        return answer
    return b"no GO"


def memory_of(process: subprocess.Popen) -> int:
    """Its resident memory in kilobytes."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE).group(1))


def endless_line(programs: pathlib.Path) -> None:
    """A peer that never ends its line costs the limit, and not what it sends."""
    megabytes = 50
    with serving(programs / "streams", "--listen", "127.0.0.1:0", "--max-line", "1000") as (server, port):
        with socket.create_connection(("127.0.0.1", port), SECONDS) as peer:
            peer.sendall(b"hello\n")
            answer = peer.recv(100)
            before = memory_of(server)
            for _ in range(megabytes):
                peer.sendall(b"x" * 1_000_000)
            peer.sendall(b"\nbye\n")
            while not answer.endswith(b"\nBYE\n"):
                answer += peer.recv(100)
            grown = memory_of(server) - before
        expected = b"HELLO\nerror: a line is longer than 1000 bytes\nBYE\n"
        check(f"a line of {megabytes} megabytes is one error", answer == expected, answer)
        print(f"    {grown} kB more than before")
        check("it takes no memory", grown <= 1_000, grown)


def many_connections(programs: pathlib.Path) -> None:
    """Each process has its own descriptors: one for each connection, in each of the two."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with serving(programs / "streams", "--listen", "127.0.0.1:0", "--limit", CONNECTIONS) as (server, port):
        before = memory_of(server)
        sockets, sizes = [], []
        for _ in range(CONNECTIONS):
            sockets.append(socket.create_connection(("127.0.0.1", port), SECONDS))
        for _round in range(3):
            for each in sockets:
                each.sendall(b"hello\n")
            answers = {each.recv(100) for each in sockets}
            check(f"{CONNECTIONS} connections: each is answered", answers == {b"HELLO\n"}, answers)
            sizes.append(memory_of(server))
        each = (sizes[0] - before) / CONNECTIONS
        print(f"    {before} kB without, {sizes} kB with them: {each:.1f} kB for each")
        check(f"{CONNECTIONS} connections: at most {KILOBYTES_EACH} kB for each", each <= KILOBYTES_EACH, each)
        check("the memory does not grow with what they say", sizes[2] - sizes[0] <= sizes[0] * 0.05, sizes)
        with socket.create_connection(("127.0.0.1", port), SECONDS) as one_more:
            try:
                refused = one_more.recv(1) == b""
            except ConnectionResetError:
                refused = True
            check("one more is refused", refused, one_more)
        for each in sockets:
            each.close()


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    programs = pathlib.Path(sys.argv[1]).resolve()
    for program in ("nc", "openssl", programs / "streams", programs / "examples" / "relay", programs / "examples" / "tls"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing")
    against_nc(programs)
    asyncio.run(against_asyncio(programs))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_certificate(folder)
        asyncio.run(against_tls(programs, folder))
    endless_line(programs)
    many_connections(programs)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
