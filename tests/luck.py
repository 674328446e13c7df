#!/usr/bin/env python3
"""Runs the whole suite many times while other programs keep every core busy. A lesson that passes by luck does not pass.

    python3 tests/luck.py [ROUNDS]

ROUNDS rounds (default: 50) in debug mode, one with a single test thread, and some in release mode.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The time limit of one round. Alone on the machine a round takes some seconds.
SECONDS_ALLOWED = 300


def build(*flags: str) -> list[tuple[str, pathlib.Path, str]]:
    """The test binaries: package, folder to run in, path."""
    command = ["cargo", "test", "--no-run", "--workspace", "--message-format", "json-render-diagnostics", *flags]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    binaries = []
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["executable"] and message["profile"]["test"]:
            folder = pathlib.Path(message["manifest_path"]).parent
            binaries.append((message["target"]["name"], folder, message["executable"]))
    if not binaries:
        sys.exit("cargo has built no tests")
    return sorted(binaries)


def one_round(binaries: list[tuple[str, pathlib.Path, str]], *flags: str) -> list[str]:
    """What failed, with its output."""
    failed = []
    for name, folder, path in binaries:
        # As cargo sets it: golden files are found by it.
        environment = os.environ | {"CARGO_MANIFEST_DIR": str(folder)}
        command = [path, *flags]
        try:
            run = subprocess.run(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=SECONDS_ALLOWED,
            )
        except subprocess.TimeoutExpired as expired:
            ended = set(re.findall(r"^test (\S+) .*\.\.\. (?:ok|FAILED)$", (expired.stdout or b"").decode(), re.MULTILINE))
            listed = subprocess.run([path, "--list"], capture_output=True, text=True, check=True).stdout
            waits = [test for test in re.findall(r"^(\S+): test$", listed, re.MULTILINE) if test not in ended]
            failed.append(f"{name} did not end within {SECONDS_ALLOWED} s; without a result: {', '.join(waits[:9])}")
            continue
        if run.returncode != 0:
            failed.append(f"{name} ended with {run.returncode}\n{run.stdout}{run.stderr}")
    return failed


@contextlib.contextmanager
def load():
    """Every core is busy with something else."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    plan = {
        "debug": [[]] * rounds + [["--test-threads=1"]],
        "release": [[]] * max(1, rounds // 10),
    }
    passed = total = 0
    for mode, flags_of_rounds in plan.items():
        binaries = build(*["--release"] * (mode == "release"))
        with load():
            for number, flags in enumerate(flags_of_rounds, 1):
                start = time.monotonic()
                failed = one_round(binaries, *flags)
                name = " ".join([mode, *flags])
                seconds = time.monotonic() - start
                print(f"{name}, {number} of {len(flags_of_rounds)}: {len(failed)} failed ({seconds:.0f} s)", flush=True)
                for text in failed:
                    print("    " + text.rstrip().replace("\n", "\n    "), flush=True)
                passed, total = passed + (not failed), total + 1
    print(f"{passed} of {total} rounds passed, while every core was busy with something else")
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
