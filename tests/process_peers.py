#!/usr/bin/env python3
"""Runs the program of subprocesses, and the example, with real programs that misbehave.

    python3 tests/process_peers.py target/debug

`yes`, `cat` with 100 MB, a program that ignores SIGTERM, that forks and ends, that closes stdout and lives on, that writes
half a line, that is stopped. Then 10,000 short ones, without a descriptor or a zombie that is left, and the limits of
`ulimit -n` and `ulimit -u`, the second one as another user than root. At the end no process is left of all of them.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from peers import check, failed

SECONDS = 60
NOBODY = 65534


class Run:
    """The program with its commands on stdin, or as arguments; what it printed without times."""

    def __init__(self, program: pathlib.Path, *arguments: str, given: str = "", before: tuple = (), shows: str = "--no-timeline"):
        command = [*before, str(program), shows, *arguments]
        begun = time.monotonic()
        done = subprocess.run(command, input=given, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        self.seconds, self.code, self.errors = time.monotonic() - begun, done.returncode, done.stderr
        self.lines = [re.sub(r"^ *\d+\.\d{3}s  ", "", line) for line in done.stdout.splitlines()]

    def __str__(self) -> str:
        return f"code {self.code}, {self.seconds:.2f} s, stderr {self.errors!r}, the last lines {self.lines[-5:]}"


def processes_with(mark: str) -> list[str]:
    """Living processes that have `mark` in their command line."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            state = (folder / "stat").read_text().rsplit(") ", 1)[1][0]
        except OSError:
            continue
        if mark in words and state not in "ZX" and int(folder.name) != os.getpid():
            found.append(words)
    return found


def misbehaving_programs(program: pathlib.Path) -> None:
    run = Run(program, "--time-limit", "0.3", "--", "yes")
    is_y = set(run.lines[:-3]) == {"[1] y"}
    check("yes: its lines until the time limit, then 124", run.code == 124 and is_y, run)
    run = Run(program, "--", "head -c 100000000 /dev/zero | cat | cat | wc -c")
    check("cat: 100 MB", "[1] 100000000" in run.lines and run.code == 0, run)
    ignores = "trap '' TERM; echo ready; sleep 601 & sleep 601"
    run = Run(program, "--time-limit", "0.2", "--grace", "0.2", "--", ignores)
    check("ignores SIGTERM: killed", run.code == 124 and "and killed" in "".join(run.lines) and run.seconds < 2, run)
    run = Run(program, "--", "sleep 601 & echo parent is done")
    check("forks and ends: its child is killed", run.code == 0 and run.seconds < 2, run)
    run = Run(program, "--", "setsid sleep 3 & echo daemon started")
    check("a daemon that has stdout: not waited for", run.code == 0 and run.seconds < 2, run)
    run = Run(program, "--", "exec >&- 2>&-; sleep 0.3; exit 5")
    check("closes stdout and lives on: its status", run.code == 5 and run.seconds >= 0.3, run)
    run = Run(program, "--", "printf 'half a line'")
    check("half a line is marked", "[1] half a line\\" in run.lines, run)
    run = Run(program, "--time-limit", "0.2", "--", "trap 'exit 7' TERM; kill -STOP $$")
    check("stopped: woken, and asked to end", "asked to end: exit status: 7" in "".join(run.lines), run)
    run = Run(program, "--", "printf '\\033[31mred\\007\\n'; head -c 200000 /dev/zero | tr '\\0' x")
    check("bytes for a terminal are shown, not sent", not any("\033" in line or "\a" in line for line in run.lines), run)
    check("a line of 200,000 bytes comes whole, in parts", sum(line.count("x") for line in run.lines) >= 200_000, run)
    check("none of them is left", not processes_with("sleep 601"), processes_with("sleep 601"))


def ten_thousand(program: pathlib.Path) -> None:
    """Looks at the program's descriptors and children while it runs."""
    command = [str(program), "--no-timeline", "-j", "8"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write("true\n" * 10_000)
    process.stdin.close()
    descriptors, zombies, lines = 0, 0, 0
    begun = time.monotonic()
    for line in process.stdout:
        lines += 1
        if lines % 500 == 0:
            descriptors = max(descriptors, len(os.listdir(f"/proc/{process.pid}/fd")))
            children = [
                child for task in os.listdir(f"/proc/{process.pid}/task")
                for child in pathlib.Path(f"/proc/{process.pid}/task/{task}/children").read_text().split()
            ]  # fmt: skip
            zombies = max(zombies, len(children))
    code = process.wait(SECONDS)
    process.stdout.close()
    seconds = time.monotonic() - begun
    check(f"10,000 commands, 8 at once: all are ok ({seconds:.1f} s)", code == 0 and "10000 ok" in line, line)
    # Three pipes or pidfds each, and a dozen of the runtime's.
    check(f"at most {descriptors} descriptors", descriptors <= 60, descriptors)
    check(f"at most {zombies} children, running or to be reaped", zombies <= 20, zombies)


def limits(program: pathlib.Path) -> None:
    commands = "\n".join(f"echo {number}; sleep 0.2" for number in range(40))
    run = Run(program, "-j", "40", given=commands, before=("prlimit", "--nofile=40"))
    not_started = {line.split()[0] for line in run.lines if "Too many open files" in line}
    ok = int(re.search(r"(\d+) ok", run.lines[-1]).group(1))
    all_there = len({line for line in run.lines if re.fullmatch(r"\[\d+\] \d+", line)}) == ok
    has_reason = len(not_started) == 40 - ok > 0
    check(f"ulimit -n: {ok} ok, the others have the reason, and each is counted", run.code == 126 and has_reason and all_there, run)

    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "subprocesses"
        shutil.copy(program, copy)
        os.chmod(folder, 0o755)
        before = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "prlimit", "--nproc=20")
        run = Run(copy, "-j", "40", given=commands.replace("sleep", "exec sleep"), before=before)
    not_started = [line for line in run.lines if "Resource temporarily unavailable" in line]
    counts = re.search(r"40 commands: (\d+) ok, (\d+) failed", run.lines[-1]) if run.lines else None
    is_whole = counts is not None and int(counts[1]) + int(counts[2]) == 40 and int(counts[1]) > 0
    check("ulimit -u, as another user: those that start are ok, the others have the reason", is_whole and bool(not_started), run)


def signals(program: pathlib.Path) -> None:
    for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]:
        job = "trap '' INT TERM HUP; echo ready; sleep 602 & sleep 602"
        command = [str(program), "--no-timeline", "-j", "4", "--", job, job, job, job]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for _ in range(4):
            process.stdout.readline()
        begun = time.monotonic()
        process.send_signal(number)
        found = process.wait(SECONDS)
        seconds = time.monotonic() - begun
        process.stdout.close()
        left = processes_with("sleep 602")
        check(f"{signal.Signals(number).name}: all end within a second ({seconds:.2f} s)", found == code and seconds < 1 and not left, (found, left))


def example(programs: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shell = pathlib.Path(folder) / "fake-ssh"
        shell.write_text('#!/bin/sh\nHOST=$1 exec sh -c "$2"\n')
        shell.chmod(0o755)
        hosts = [f"host{number}" for number in range(20)]
        command = [programs / "examples" / "remote", "echo I am $HOST; test $HOST != host7 || exit 42", *hosts]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=os.environ | {"REMOTE_SHELL": str(shell)})
    lines = done.stdout.splitlines()
    all_there = all(f"{host}: I am {host}" in lines for host in hosts)
    check("the example: 20 hosts, each with its line, and the worst code", all_there and done.returncode == 42, done)


def main() -> None:
    programs = pathlib.Path(sys.argv[1]).resolve()
    program = programs / "subprocesses"
    for needed in ("setsid", "setpriv", "prlimit", program, programs / "examples" / "remote"):
        if shutil.which(str(needed)) is None:
            sys.exit(f"{needed} is missing")
    misbehaving_programs(program)
    signals(program)
    ten_thousand(program)
    if os.getuid() == 0:
        limits(program)
    else:
        sys.exit("ulimit -u counts the processes of a user: run this as root, which becomes another one")
    example(programs)
    print(f"{len(failed)} failed")
    sys.exit(bool(failed))


main()
