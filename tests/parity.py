#!/usr/bin/env python3
"""Runs each recipe's demo.py and compares what it prints with the recipe's transcript.txt. Runs the Python that its
chapter shows, too: it has to end well, and without a warning. A chapter in the new form shows parts of
tests/RECIPE/pairs.py, which runs on the virtual clock, unless it says that it needs real time. A recipe whose manifest says
`twin = false` has a program for each page, in `errors`: on the virtual clock each has to end well, and to print nothing.

    python3 tests/parity.py [RECIPE ...]

A transcript with times is checked on a virtual clock: whenever every task waits, the event loop's time() jumps to
the next timer, and each printed line is stamped with it, as the Rust side stamps its own. A transcript without times
belongs to a recipe whose work happens outside the clock (sockets, threads, processes): the program runs on real time
and the lines alone are compared.

A chapter's program that asks http://127.0.0.1:8080 gets a server of this script's, on a free port.

A recipe that needs packages names them in `requirements.txt` beside its demo.py. They are installed into a virtual
environment under target/, and the program runs in it.
"""

import asyncio
import difflib
import hashlib
import http.server
import inspect
import pathlib
import re
import runpy
import selectors
import subprocess
import sys
import tempfile
import threading
import tomllib
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STAMPED = re.compile(r" *\d+\.\d{3}s  ")
SECONDS_ALLOWED = 60
SECONDS_FOR_A_THREAD = 10


class VirtualTimeSelector(selectors.DefaultSelector):
    """A selector that does not wait for the next timer: it moves the loop's clock there.

    If there is no timer, it waits for another thread, which runs on real time, and this clock does not move.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None):
        ready = super().select(0)
        if ready or timeout is not None and timeout <= 0:
            return ready
        if timeout is None:
            ready = super().select(SECONDS_FOR_A_THREAD)
            if not ready:
                raise RuntimeError("every task waits, and for no timer: on virtual time this would be for ever")
            return ready
        self.now += timeout
        return ready


class VirtualTimePolicy(asyncio.DefaultEventLoopPolicy):
    """Every new event loop, so that of asyncio.run too, lives on virtual time."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        selector = VirtualTimeSelector()
        loop = asyncio.SelectorEventLoop(selector)
        loop.time = lambda: selector.now
        return loop


class StampedOutput:
    """Standard output that puts the running loop's time before each line."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self.at_line_start = True

    def write(self, text: str) -> int:
        for line in text.splitlines(keepends=True):
            if self.at_line_start:
                try:
                    now = asyncio.get_running_loop().time()
                except RuntimeError:
                    now = 0.0
                self.stream.write(f"{now:7.3f}s  ")
            self.stream.write(line)
            self.at_line_start = line.endswith("\n")
        return len(text)

    def flush(self) -> None:
        self.stream.flush()


def run_on_virtual_time(program: str) -> None:
    """Runs `program` in this process as the one program of it."""
    asyncio.set_event_loop_policy(VirtualTimePolicy())
    sys.stdout = StampedOutput(sys.stdout)
    runpy.run_path(program, run_name="__main__")


def run_pairs(program: str) -> None:
    """Runs each coroutine function of `program` that takes nothing, on a virtual clock of its own, or
    on real time if the program has a constant REAL_TIME."""
    names = runpy.run_path(program)
    if not names.get("REAL_TIME"):
        asyncio.set_event_loop_policy(VirtualTimePolicy())
    pairs = [
        function
        for function in names.values()
        if inspect.iscoroutinefunction(function) and not inspect.signature(function).parameters
    ]
    if not pairs:
        sys.exit(f"{program} has no pair")
    for pair in pairs:
        asyncio.run(pair())


def python_for(recipe: pathlib.Path) -> str:
    """The interpreter that has what the recipe's requirements.txt asks for."""
    requirements = recipe / "requirements.txt"
    if not requirements.exists():
        return sys.executable
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = ROOT / "target" / "parity" / f"{recipe.name}-{wanted}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True, stdin=subprocess.DEVNULL
        )
        (folder / "complete").touch()
    return str(python)


def differences(recipe: pathlib.Path) -> list[str]:
    """The lines in which the program and the transcript differ, as a diff; what went wrong, if it did not run."""
    program, transcript = recipe / "demo.py", recipe / "transcript.txt"
    expected = transcript.read_text().splitlines()
    if not expected:
        return [f"{transcript.relative_to(ROOT)} is empty"]
    stamped = STAMPED.match(expected[0]) is not None
    command = [python_for(recipe), "-P", "-X", "dev", *([__file__, "--virtual-time"] if stamped else []), str(program)]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS_ALLOWED, cwd=recipe
        )
    except subprocess.TimeoutExpired:
        return [f"demo.py did not end within {SECONDS_ALLOWED} s"]
    if run.returncode != 0:
        return [f"demo.py ended with {run.returncode}", *run.stderr.splitlines()]
    return list(difflib.unified_diff(expected, run.stdout.splitlines(), "transcript.txt", "demo.py", lineterm=""))


class AnyPage(http.server.BaseHTTPRequestHandler):
    """Answers every path: /json with JSON, the others with some text."""

    def do_GET(self) -> None:
        is_json = self.path == "/json"
        body = b'{"name": "tokio"}' if is_json else f"page {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if is_json else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


def chapter(recipe: pathlib.Path, address: str) -> list[str]:
    """The errors of the Python of the recipe's chapter, when it runs."""
    programs = FENCE.findall((recipe / "README.md").read_text())
    if not programs:
        return ["README.md shows no Python"]
    for number, program in enumerate(programs, 1):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write(program.replace("127.0.0.1:8080", address))
            file.flush()
            command = [python_for(recipe), "-P", "-X", "dev", file.name]
            try:
                run = subprocess.run(
                    command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS_ALLOWED
                )
            except subprocess.TimeoutExpired:
                return [f"program {number} of README.md did not end within {SECONDS_ALLOWED} s"]
        # Only the warnings that the program is meant to show.
        warns = re.search(r"#.*\bwarning\b", program) is not None
        failed = run.returncode != 0 or "Traceback" in run.stderr
        if failed or bool(run.stderr) != warns or ("RuntimeWarning" in run.stderr) != warns:
            return [f"program {number} of README.md ended with {run.returncode}", *run.stderr.splitlines()]
    return []


def pairs(recipe: pathlib.Path) -> list[str]:
    """What is wrong with the asyncio halves of the chapter's pairs, when they run: a failed assertion, or a warning."""
    program = ROOT / "tests" / recipe.name / "pairs.py"
    command = [python_for(recipe), "-P", "-X", "dev", "-W", "error", __file__, "--pairs", str(program)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS_ALLOWED)
    except subprocess.TimeoutExpired:
        return [f"pairs.py did not end within {SECONDS_ALLOWED} s"]
    if run.returncode != 0 or run.stderr or run.stdout:
        return [f"pairs.py ended with {run.returncode}", *run.stdout.splitlines(), *run.stderr.splitlines()]
    return []


def shown(recipe: pathlib.Path, address: str) -> list[str]:
    """What is wrong with the Python that the chapter shows."""
    is_new = (ROOT / "tests" / recipe.name / "pairs.py").exists()
    return pairs(recipe) if is_new else chapter(recipe, address)


def has_twin(recipe: pathlib.Path) -> bool:
    manifest = tomllib.loads((recipe / "Cargo.toml").read_text())
    return manifest["package"]["metadata"]["recipe"].get("twin", True)


def pages(recipe: pathlib.Path) -> list[str]:
    """What is wrong with the programs of the recipe's pages, on the virtual clock: a failed assertion, or a warning."""
    programs = sorted((recipe / "errors").glob("*.py"))
    if not programs:
        return ["errors has no program"]
    wrong = []
    for program in programs:
        command = [sys.executable, "-P", "-X", "dev", "-W", "error", __file__, "--virtual-time", str(program)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS_ALLOWED)
        except subprocess.TimeoutExpired:
            wrong.append(f"{program.name} did not end within {SECONDS_ALLOWED} s")
            continue
        if run.returncode != 0 or run.stderr or run.stdout:
            wrong += [f"{program.name} ended with {run.returncode}", *run.stdout.splitlines(), *run.stderr.splitlines()]
        elif "assert " not in program.read_text():
            wrong.append(f"{program.name} asserts nothing")
    return wrong


def main() -> int:
    known = {folder.name: folder for folder in sorted((ROOT / "recipes").iterdir()) if (folder / "Cargo.toml").exists()}
    wanted = sys.argv[1:] or list(known)
    for name in wanted:
        if name not in known:
            print(f"there is no recipe {name!r}: choose from {', '.join(known)}", file=sys.stderr)
            return 2
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), AnyPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    failed = 0
    for name in wanted:
        is_twin = has_twin(known[name])
        found = differences(known[name]) + shown(known[name], address) if is_twin else pages(known[name])
        print(f"{name}: {'fails' if found else 'same lines' if is_twin else 'each page runs'}")
        for line in found:
            print(f"    {line}")
        failed += bool(found)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--virtual-time"]:
        run_on_virtual_time(sys.argv[2])
    elif sys.argv[1:2] == ["--pairs"]:
        run_pairs(sys.argv[2])
    else:
        sys.exit(main())
