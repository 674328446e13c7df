#!/usr/bin/env python3
"""Runs the binary of http_client against servers that this project did not write.

    python3 tests/foreign_servers.py target/debug/http_client

Python's http.server gives pages and a 404. nginx gives a page over TLS with a self-signed certificate, which is refused,
and then accepted with --cacert. nginx also gives the rest of a page whose beginning is there. A server that writes bytes
gives invalid or nearly invalid answers. aiohttp and curl get them too, and their verdicts are the same, or the difference
is stated here. All of it runs on free ports of 127.0.0.1, in a folder that is deleted; aiohttp is installed under target/.
"""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import venv

from peers import check, failed

PAGE = b"a page of a foreign server\n" * 1000

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        root {folder}/pages;
    }}
}}
"""

def run(binary: str, *arguments: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [binary, "--no-timeline", "--retries", "9", "--timeout", "20", *arguments]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, timeout=60)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def make_certificate(folder: pathlib.Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


def against_python(binary: str, folder: pathlib.Path) -> None:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments) -> None:
            pass

    handler = functools.partial(Quiet, directory=folder / "pages")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        result = run(binary, f"{base}/page.txt")
        line = f"{base}/page.txt: 200 OK, {len(PAGE)} bytes"
        check("http.server: a page", result.returncode == 0 and line in result.stdout, result)
        result = run(binary, f"{base}/page.txt", f"{base}/missing")
        line = f"{base}/missing: failed: 404"
        check("http.server: a 404 beside it", result.returncode == 1 and line in result.stdout, result)
        output = folder / "saved"
        result = run(binary, "--output", str(output), f"{base}/page.txt")
        saved = [file.read_bytes() for file in output.iterdir()]
        check("http.server: the page on disk, byte for byte", result.returncode == 0 and saved == [PAGE], result)
        server.shutdown()


def against_nginx(binary: str, folder: pathlib.Path) -> None:
    make_certificate(folder)
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port))
    nginx = subprocess.Popen(["nginx", "-p", str(folder), "-e", "stderr", "-c", str(configuration)])
    try:
        wait_until_listening(port, nginx)
        url = f"https://127.0.0.1:{port}/page.txt"
        begin = time.monotonic()
        result = run(binary, url)
        refused = result.returncode == 1 and f"{url}: failed: " in result.stdout and "certificate" in result.stdout
        check("nginx with TLS: that is one line", result.stdout.count("\n") == 1 and not result.stderr, result)
        # Nine retries would pause until the time limit.
        check("nginx with TLS: that is not tried again", time.monotonic() - begin < 10, result)
        check("nginx with TLS: a certificate that nobody signed is refused, and named as the cause", refused, result)
        result = run(binary, "--cacert", str(folder / "certificate.pem"), url)
        line = f"{url}: 200 OK, {len(PAGE)} bytes"
        check("nginx with TLS: accepted with --cacert", result.returncode == 0 and line in result.stdout, result)
        against_nginx_in_parts(binary, folder, url)
    finally:
        nginx.terminate()
        nginx.wait()


def against_nginx_in_parts(binary: str, folder: pathlib.Path, url: str) -> None:
    output = folder / "resumed"
    arguments = ["--cacert", str(folder / "certificate.pem"), "--output", str(output), "--resume", url]
    run(binary, *arguments)
    (file,) = output.iterdir()
    # nginx makes its ETag of the date and the length of a file.
    stat = (folder / "pages" / "page.txt").stat()
    part, version = file.with_name(file.name + ".part"), file.with_name(file.name + ".part-of")
    for tag, status in ((f'"{int(stat.st_mtime):x}-{stat.st_size:x}"', "206"), ('"another"', "200")):
        file.unlink()
        part.write_bytes(PAGE[:1000])
        version.write_text(tag)
        result = run(binary, *arguments)
        is_whole = file.exists() and file.read_bytes() == PAGE and list(output.iterdir()) == [file]
        is_so = result.returncode == 0 and is_whole and f": {status} " in result.stdout
        check(f"nginx: a part of the version {tag} ends whole, by {status}", is_so, result)


# An answer, byte for byte, and which clients treat it as a success: ours, aiohttp (with raise_for_status) and curl (--fail).
# If they differ, the last column gives the reason for ours.
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"


def redirect(location: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n" + EMPTY


ANSWERS = {
    "a page": (OK + b"Content-Length: 4\r\n\r\npage", "ours aiohttp curl", ""),
    "a redirect to a file": (redirect(b"file:///etc/passwd"), "", ""),
    "a redirect to half an address": (redirect(b"http://[::1/"), "", ""),
    "a redirect to a port beyond all": (redirect(b"http://127.0.0.1:99999/"), "", ""),
    "a redirect to bytes": (redirect(b"\xff\xfe://\x80"), "curl", "a URL is text"),
    "a redirect to nothing": (redirect(b"http://"), "", ""),
    "a redirect without a target": (b"HTTP/1.1 302 Found\r\n" + EMPTY, "aiohttp curl", "no page has come"),
    "a redirect to letters that are not ASCII": (redirect("/café".encode()), "ours curl", "browsers follow it"),
    "a redirect to a name and password, again and again": (redirect(b"http://user:password@HOST/8"), "", ""),
    "a redirect without a scheme": (redirect(b"//HOST/page"), "ours aiohttp curl", ""),
    "a redirect with blanks around": (redirect(b"   BASE/page  "), "ours curl", "blanks are no part of a header"),
    "a status of 600": (b"HTTP/1.1 600 Beyond\r\n" + EMPTY, "", ""),
    "a status of 999": (b"HTTP/1.1 999 Denied\r\n" + EMPTY, "", ""),
    "a status of 99": (b"HTTP/1.1 99 Low\r\n" + EMPTY, "", ""),
    "a status of 2000": (b"HTTP/1.1 2000 Long\r\n" + EMPTY, "", ""),
    "a 101 that was not asked for": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "aiohttp", "success is 200 to 299"),
    "a 300": (b"HTTP/1.1 300 Multiple Choices\r\n" + EMPTY, "aiohttp curl", "success is 200 to 299"),
    "a 304": (b"HTTP/1.1 304 Not Modified\r\n\r\n", "aiohttp curl", "success is 200 to 299, and nobody asked whether it was modified"),
    "a 299": (b"HTTP/1.1 299 Fine\r\n" + EMPTY, "ours aiohttp curl", ""),
    "a 204 with a body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\npage", "ours curl", "a 204 has no body: what follows is not read"),
    "a 103 before the answer": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + EMPTY, "ours aiohttp curl", ""),
    "a 100 before the answer, three times": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK + EMPTY, "ours aiohttp curl", ""),
    "no reason": (b"HTTP/1.1 200\r\n" + EMPTY, "ours aiohttp curl", ""),
    "HTTP/1.0 without a length": (b"HTTP/1.0 200 OK\r\n\r\npage", "ours aiohttp curl", ""),
    "HTTP/1.1 without a length": (OK + b"\r\npage", "ours aiohttp curl", ""),
    "half of the length": (OK + b"Content-Length: 8\r\n\r\npage", "", ""),
    "chunks without an end": (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n", "", ""),
    "chunks with a trailer": (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\nX: 1\r\n\r\n", "ours aiohttp curl", ""),
    "a chunk that is longer than a number": (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\npage", "", ""),
    "two lengths": (OK + b"Content-Length: 4\r\nContent-Length: 2\r\n\r\npage", "curl", "one of them is wrong"),
    "the same length twice": (OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\npage", "ours curl", "RFC 9110, 8.6: it may be taken once"),
    "a length and chunks": (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n", "ours curl", "RFC 9112, 6.3: the chunks count"),
    "a length below zero": (OK + b"Content-Length: -1\r\n\r\npage", "", ""),
    "a length with a plus": (OK + b"Content-Length: +4\r\n\r\npage", "curl", "RFC 9110, 8.6: digits"),
    "lines that end without a return": (b"HTTP/1.1 200 OK\nContent-Length: 4\n\npage", "ours aiohttp curl", ""),
    "a header without a colon": (OK + b"nonsense\r\n" + EMPTY, "", ""),
    "a blank before the colon": (OK + b"X : 1\r\n" + EMPTY, "curl", "RFC 9112, 5.1: not allowed"),
    "a header on two lines": (OK + b"X: 1\r\n 2\r\n" + EMPTY, "aiohttp curl", "hyper refuses it unless asked not to"),
    "a zero byte in a header": (OK + b"X: \0\r\n" + EMPTY, "", ""),
    "101 header lines": (OK + b"X: 1\r\n" * 100 + EMPTY, "ours aiohttp curl", ""),
    "128 header lines": (OK + b"X: 1\r\n" * 127 + EMPTY, "ours aiohttp curl", ""),
    "129 header lines": (OK + b"X: 1\r\n" * 128 + EMPTY, "curl", "aiohttp's limit is ours"),
    "a header of 9,000 bytes": (OK + b"X: " + b"x" * 9000 + b"\r\n" + EMPTY, "ours curl", "hyper's limit is 400 KiB for all of them"),
    "another protocol": (b"ICY 200 OK\r\n" + EMPTY, "", ""),
    "nothing": (b"", "", ""),
    "a body that says it is gzip and is not": (OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\npage", "ours curl", "it is saved as it came"),
    "an empty line before the answer": (b"\r\n" + OK + EMPTY, "ours aiohttp", "RFC 9112, 2.2: it may be passed over"),
    "a 416": (b"HTTP/1.1 416 Range Not Satisfiable\r\n" + EMPTY, "", ""),
    "a 206 that was not asked for": (b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/8\r\nContent-Length: 4\r\n\r\npage", "ours aiohttp curl", ""),
}


class Bytes:
    """A server that answers each request for /NAME with the bytes of that name, and then closes the connection."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.names = list(ANSWERS)
        self.asked = {}
        threading.Thread(target=self.serve, daemon=True).start()

    def url(self, name: str) -> str:
        return f"{self.base}/{self.names.index(name)}"

    def serve(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                client, _ = self.listener.accept()
                threading.Thread(target=self.answer, args=[client], daemon=True).start()

    def answer(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                received = client.recv(65536)
                if not received:
                    return
                request += received
            path = request.split()[1].decode().lstrip("/")
            self.asked[path] = self.asked.get(path, 0) + 1
            answer = ANSWERS[self.names[int(path)]][0] if path.isdigit() else OK + b"Content-Length: 4\r\n\r\npage"
            client.sendall(answer.replace(b"BASE", self.base.encode()).replace(b"HOST", self.base[7:].encode()))
            client.shutdown(socket.SHUT_WR)
            # A connection that is closed with unread bytes is reset, and the answer is lost.
            while client.recv(65536):
                pass


AIOHTTP = """
import asyncio, json, sys
import aiohttp

async def is_success(session, url):
    try:
        async with session.get(url) as response:
            response.raise_for_status()
            await response.read()
            return True
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False

async def main():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        print(json.dumps([await is_success(session, url) for url in sys.argv[1:]]))

asyncio.run(main())
"""


def python_with_aiohttp() -> str:
    root = pathlib.Path(__file__).resolve().parent.parent
    requirements = root / "recipes" / "http_client" / "requirements.txt"
    folder = root / "target" / "foreign_servers"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
        (folder / "complete").touch()
    return str(folder / "bin" / "python")


def against_bytes(binary: str, folder: pathlib.Path) -> None:
    server = Bytes()
    urls = [server.url(name) for name in ANSWERS]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [python_with_aiohttp(), "-c", AIOHTTP, *urls]
    aiohttp = json.loads(subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300).stdout)
    for (name, (_, expected, why)), url, is_aiohttps in zip(ANSWERS.items(), urls, aiohttp):
        command = [binary, "--no-timeline", "--retries", "0", "--timeout", "5", "--output", folder / "bytes", url]
        ours = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        command = ["curl", "--silent", "--show-error", "--fail", "--location", "--max-redirs", "10", "--max-time", "5", url]
        curl = subprocess.run(command, capture_output=True, env=environment, timeout=60)
        verdicts = {"ours": ours.returncode == 0, "aiohttp": is_aiohttps, "curl": curl.returncode == 0}
        found = " ".join(who for who, is_success in verdicts.items() if is_success)
        is_one_line = ours.stdout.count("\n") == 1 and not ours.stderr
        is_stated = bool(why) != (expected in ("", "ours aiohttp curl"))
        check(f"bytes: {name}", found == expected and is_one_line and is_stated, (found, ours.stdout, ours.stderr, curl.stderr))
        saved = list((folder / "bytes").iterdir())
        check(f"bytes: {name}: a file only of a success", len(saved) == (ours.returncode == 0), saved)
        for file in saved:
            file.unlink()


def wait_until_listening(port: int, server: subprocess.Popen) -> None:
    while True:
        if server.poll() is not None:
            sys.exit(f"nginx ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except ConnectionRefusedError:
            continue


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    for program in (binary, "nginx", "openssl", "curl"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # nginx gives up the rights of root for its workers, which have to read the pages.
        folder.chmod(0o755)
        (folder / "pages").mkdir()
        (folder / "pages" / "page.txt").write_bytes(PAGE)
        against_python(binary, folder)
        against_nginx(binary, folder)
        against_bytes(binary, folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
