#!/usr/bin/env python3
"""Runs concurrent patterns under shuttle, which chooses the order of the threads' steps itself.

    python3 tests/interleavings.py [SCHEDULES]

A pattern file is copied with shuttle's locks instead of std's and shuttle's Tokio instead of Tokio, and built with the
scenarios of tests/interleavings/. Each scenario runs on SCHEDULES random schedules, and on as many that change the
priorities of the threads a few times. A schedule that breaks it is printed, so that it can be replayed.

It is not part of `cargo test`, because shuttle and its Tokio add a hundred crates.
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Scenarios, the patterns they drive, and the replacements in a pattern's copy.
PROGRAMS = {
    "executors": {
        "recipes/executors/src/thread_pool.rs": {},
        "recipes/executors/src/thread_pool/worker.rs": {
            "use std::sync::{Arc, Condvar, Mutex, MutexGuard,": "use shuttle::sync::{Condvar, Mutex, MutexGuard};\nuse std::sync::{Arc,",
            "use std::thread;": "use shuttle::thread;",
            "use tokio::sync::SetOnce;": "use crate::steps::SetOnce;",
            "thread_local! {": "shuttle::thread_local! {",
            "const { Cell::new(0) }": "Cell::new(0)",
            "POOL.get()": "POOL.with(Cell::get)",
            "POOL.set(std::ptr::from_ref(self).addr())": "POOL.with(|pool| pool.set(std::ptr::from_ref(self).addr()))",
        },
        "recipes/executors/src/thread_pool/job.rs": {
            "use std::sync::{Arc, Mutex,": "use shuttle::sync::Mutex;\nuse std::sync::{Arc,",
        },
    },
    "queues": {
        "recipes/queues/src/joinable.rs": {
            "use std::sync::{Mutex,": "use shuttle::sync::{Mutex,",
            "use tokio::sync::{Notify, ": "use crate::steps::Notify;\nuse tokio::sync::{",
        },
    },
    "semaphores": {
        "recipes/semaphores/src/event.rs": {
            "use std::sync::atomic::": "use shuttle::sync::atomic::",
            "use tokio::sync::Notify;": "use crate::steps::Notify;",
            "pub const fn new(": "pub fn new(",
            "Notify::const_new()": "Notify::new()",
        },
        "recipes/semaphores/src/condition.rs": {
            "std::sync::Mutex": "shuttle::sync::Mutex",
            "use tokio::sync::MutexGuard;": "use crate::steps::MutexGuard;",
            "pub const fn new(": "pub fn new(",
        },
        "recipes/semaphores/src/barrier.rs": {
            "use std::sync::{Mutex,": "use shuttle::sync::{Mutex,",
            "pub const fn new(": "pub fn new(",
        },
    },
}

MANIFEST = """
[package]
name = "{name}"
edition = "2024"

[dependencies]
shuttle = "=0.9.9"
thiserror = "2"
tokio = {{ package = "shuttle-tokio", version = "=1.0.0", features = ["shuttle", "sync"] }}

[workspace]
"""


def build(name: str) -> pathlib.Path:
    """Writes and builds the program, and returns its path."""
    folder = ROOT / "target" / "interleavings" / name
    sources = folder / "src"
    sources.mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST.format(name=name))
    for pattern, replacements in PROGRAMS[name].items():
        text = (ROOT / pattern).read_text()
        for old, new in replacements.items():
            if old not in text:
                sys.exit(f"{pattern} has no {old!r}: tests/interleavings.py has to change with it")
            text = text.replace(old, new)
        copy = sources / pathlib.Path(pattern).relative_to(f"recipes/{name}/src")
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text)
        # Files of its folder that have replacements of their own come later.
        inside = (ROOT / pattern).with_suffix("")
        if inside.is_dir():
            shutil.copytree(inside, sources / inside.name, dirs_exist_ok=True)
    shutil.copy(ROOT / "tests" / "interleavings" / f"{name}.rs", sources / "main.rs")
    # One for all: most of it is shuttle.
    target = folder.parent / "target"
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--manifest-path", folder / "Cargo.toml", "--target-dir", target], check=True
    )
    return target / "release" / name


def main() -> int:
    schedules = sys.argv[1] if len(sys.argv) > 1 else "10000"
    return max(subprocess.run([build(name), schedules]).returncode for name in PROGRAMS)


if __name__ == "__main__":
    sys.exit(main())
