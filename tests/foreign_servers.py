#!/usr/bin/env python3
"""Runs the binary of http_client against servers that this project did not write.

    python3 tests/foreign_servers.py target/debug/http_client

Python's http.server gives pages and a 404; nginx gives a page over TLS with a certificate that nobody has signed: it
is refused, and then accepted with --cacert. All of it on free ports of 127.0.0.1, in a folder that goes away.
"""

import functools
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

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

failures = 0


def check(what: str, holds: bool, evidence: object) -> None:
    global failures
    print(f"{'ok' if holds else 'FAILED'}: {what}")
    if not holds:
        failures += 1
        print(f"    {evidence}")


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
        # Nine retries would pause until the time is over.
        check("nginx with TLS: that is not tried again", time.monotonic() - begin < 10, result)
        check("nginx with TLS: a certificate that nobody signed is refused, and named as the cause", refused, result)
        result = run(binary, "--cacert", str(folder / "certificate.pem"), url)
        line = f"{url}: 200 OK, {len(PAGE)} bytes"
        check("nginx with TLS: accepted with --cacert", result.returncode == 0 and line in result.stdout, result)
    finally:
        nginx.terminate()
        nginx.wait()


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
    for program in (binary, "nginx", "openssl"):
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
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
