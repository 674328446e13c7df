#!/usr/bin/env python3
"""Runs each recipe's demo many times while other programs keep every core busy, half of the times with threads that
start late. A demo that prints its lines in another order, or fails, has a race in it.

    python3 tests/races.py [TIMES [RECIPE ...]]

TIMES runs of each demo (default: 200), some at the same time: a demo mostly waits. The lines must be those of
transcript.txt, in its order; times are not compared. A thread starts up to 80 milliseconds late by a library of some
lines, which is compiled with `cc` and loaded before the C library's own `pthread_create`.
"""

import collections
import concurrent.futures
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

from luck import load

ROOT = pathlib.Path(__file__).resolve().parent.parent
STAMP = re.compile(r"^ *\d+\.\d{3}s  ")
SECONDS_ALLOWED = 60
AT_ONCE = 4

LATE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct call { void *(*function)(void *); void *argument; };

static void *late(void *given) {
    struct call call = *(struct call *)given;
    free(given);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    usleep(now.tv_nsec / 1000 % 80000);
    return call.function(call.argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument) {
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    struct call *call = malloc(sizeof *call);
    *call = (struct call){ function, argument };
    return create(thread, attributes, late, call);
}
"""


def lines(text: str) -> list[str]:
    return [STAMP.sub("", line) for line in text.splitlines()]


def difference(program: list[str | pathlib.Path], expected: list[str], library: pathlib.Path | None) -> str | None:
    """What one run did otherwise than expected."""
    late = {"LD_PRELOAD": str(library)} if library else {}
    run = subprocess.run(
        program, env=os.environ | late, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_ALLOWED
    )
    printed = lines(run.stdout)[: len(expected)]
    if run.returncode == 0 and printed == expected:
        return None
    status = f"exit status {run.returncode}{' with late threads' if late else ''} {run.stderr if run.returncode else ''}"
    return "\n".join([status.rstrip(), *list(difflib.unified_diff(expected, printed, lineterm="", n=1))[2:]])


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    names = sys.argv[2:] or sorted(folder.name for folder in (ROOT / "recipes").iterdir())
    subprocess.run(["cargo", "build", "--quiet", "--bins", "--workspace"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    raced = 0
    with tempfile.TemporaryDirectory() as folder, load(), concurrent.futures.ThreadPoolExecutor(AT_ONCE) as copies:
        library = pathlib.Path(folder) / "late.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=LATE, text=True, check=True)
        for name in names:
            manifest = tomllib.loads((ROOT / "recipes" / name / "Cargo.toml").read_text())
            demo = manifest["package"].get("metadata", {}).get("recipe", {}).get("demo", "").split()
            program = [target / "debug" / name, *demo]
            expected = lines((ROOT / "recipes" / name / "transcript.txt").read_text())
            runs = [copies.submit(difference, program, expected, library if number % 2 else None) for number in range(times)]
            others = collections.Counter(other for run in runs if (other := run.result()))
            print(f"{name}: {others.total()} of {times} differ", flush=True)
            for other, count in others.most_common(5):
                print(f"  {count} times: " + other.replace("\n", "\n    "), flush=True)
            raced += others.total()
    return 1 if raced else 0


if __name__ == "__main__":
    sys.exit(main())
