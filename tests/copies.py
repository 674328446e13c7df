#!/usr/bin/env python3
"""Copies every recipe and every pattern out, and builds and runs the copies outside the workspace.

    python3 tests/copies.py [RECIPE ...]

A recipe is copied by the command of its chapter: of its first `sh` block, or of *Copy it*. It has to be formatted, and to build from its own
manifest without a warning; then, without the network, it has to print its transcript and to pass the lessons that came along. A pattern is
copied into a fresh `cargo new` project by the chapter's command with `--into`, with the pattern's name in it. There,
with the line that the tool says to add, `cargo test` has to pass in a library and a binary to build, without a warning;
and what the tool has added to Cargo.toml has to be what the `cargo add` lines of its docs add when they are typed
in. The tool is a copy of the program, as `cargo install` makes one.

Everything is built in one target folder, target/copies.
"""

import hashlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Outside the workspace, and the same on every run: cargo would keep what it built for each new path.
DESK = pathlib.Path(tempfile.gettempdir()) / f"copies-{hashlib.sha256(bytes(ROOT)).hexdigest()[:12]}"
STAMP = re.compile(r"^ *\d+\.\d{3}s  ", re.MULTILINE)
PATTERN = "// SPDX-License-Identifier: 0BSD\n"
SECONDS_ALLOWED = 900

ENVIRONMENT = os.environ | {
    "CARGO_TARGET_DIR": str(ROOT / "target" / "copies"),
    "CARGO_TERM_COLOR": "never",
    "RUSTFLAGS": "--deny warnings",
    # Most of this is built once, so incremental builds would cost time here.
    "CARGO_INCREMENTAL": "0",
    "CARGO_PROFILE_DEV_DEBUG": "0",
    "CARGO_PROFILE_TEST_DEBUG": "0",
}


class Failed(Exception):
    """A requirement that a copy does not meet."""


def run(folder: pathlib.Path, *command: str) -> str:
    """What `command` prints on stdout."""
    try:
        ran = subprocess.run(
            command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=SECONDS_ALLOWED,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{shlex.join(command)} did not end within {SECONDS_ALLOWED} s") from None
    if ran.returncode != 0:
        raise Failed(f"{shlex.join(command)}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def cookbook(folder: pathlib.Path, words: list[str]) -> str:
    """What the tool prints for a command as a chapter shows it, in an empty folder beside which copies are made."""
    here = folder / "tokio-cookbook"
    here.mkdir(parents=True)
    return run(here, str(DESK / "cookbook"), *words[2:])


def commands(recipe: pathlib.Path) -> tuple[list[str], list[str]]:
    """The two commands of the chapter: for the recipe, and for one pattern."""
    chapter = (recipe / "README.md").read_text()
    section = re.search(r"^## Copy it\n(.*?)(?=^## |\Z)", chapter, re.MULTILINE | re.DOTALL)
    # A chapter in the new form has them before everything else.
    section = section or re.search(r"^```sh\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^cargo cookbook copy .*", section.group(1) if section else "", re.MULTILINE)
    found = sorted((shlex.split(line, comments=True) for line in lines), key=lambda words: "--into" in words)
    if ["--into" in words for words in found] != [False, True]:
        raise Failed("the chapter does not show two commands, one copies the recipe and one a pattern `--into` a crate")
    return found[0], found[1]


def beside(folder: pathlib.Path, path: str) -> pathlib.Path:
    """Where a command that ran in `folder` has made its copy."""
    copy = pathlib.Path(os.path.normpath(folder / "tokio-cookbook" / path))
    if copy.parent != folder:
        raise Failed(f"a chapter's copies stand beside the cookbook, as ../{copy.name}, and not at {path}")
    return copy


def check_recipe(recipe: pathlib.Path, words: list[str], folder: pathlib.Path) -> None:
    cookbook(folder, words)
    copy = beside(folder, words[-1])
    run(copy, "cargo", "fmt", "--check")
    run(copy, "cargo", "build", "--quiet", "--all-targets")
    printed = run(copy, "cargo", "run", "--quiet", "--offline")
    transcript = (recipe / "transcript.txt").read_text()
    if STAMP.sub("", printed) != STAMP.sub("", transcript):
        raise Failed(f"it prints\n{printed}and its transcript is\n{transcript}")
    run(copy, "cargo", "test", "--quiet", "--offline")


def check_pattern(pattern: pathlib.Path, words: list[str], folder: pathlib.Path) -> None:
    words = words.copy()
    words[words.index("copy") + 2] = pattern.stem
    project = beside(folder, words[words.index("--into") + 1])
    folder.mkdir(parents=True)
    run(folder, "cargo", "new", "--quiet", "--lib", "--vcs", "none", project.name)
    manifest = project / "Cargo.toml"
    fresh = manifest.read_text()
    # The versions that the cookbook was tried with, so that one commit gives one answer, today and next year.
    shutil.copy(ROOT / "Cargo.lock", project)

    printed = cookbook(folder, words)
    line = f"pub mod {pattern.stem};"
    if line not in printed:
        raise Failed(f"the line for src/lib.rs is missing:\n{printed}")
    (project / "src" / "lib.rs").write_text(f"{line}\n")
    run(project, "cargo", "test", "--quiet")
    (project / "src" / "main.rs").write_text(f"{line}\n\nfn main() {{}}\n")
    run(project, "cargo", "build", "--quiet", "--offline")
    by_tool = said(manifest)

    manifest.write_text(fresh)
    for line in pattern.read_text().splitlines():
        if line.startswith("//! cargo add "):
            run(project, *shlex.split(line.removeprefix("//! ")), "--quiet")
    by_hand = said(manifest)
    if by_tool != by_hand:
        raise Failed(f"the tool adds {by_tool}, and the docs say {by_hand}")


def said(manifest: pathlib.Path) -> dict:
    """What a manifest depends on, apart from versions: features, and whether the default ones are on."""
    dependencies = tomllib.loads(manifest.read_text()).get("dependencies", {})
    tables = {name: value if isinstance(value, dict) else {} for name, value in dependencies.items()}
    return {name: (sorted(table.get("features", [])), table.get("default-features", True)) for name, table in tables.items()}


def check(recipe: pathlib.Path) -> list[str]:
    """What is wrong with the copies of a recipe."""
    try:
        of_recipe, of_pattern = commands(recipe)
    except Failed as failed:
        return [str(failed)]
    checks = [("the copy", check_recipe, recipe, of_recipe)]
    for file in sorted((recipe / "src").glob("*.rs")):
        if file.read_text().startswith(PATTERN):
            checks.append((file.name, check_pattern, file, of_pattern))
    wrong = []
    for what, check_one, path, words in checks:
        try:
            check_one(path, words, DESK / recipe.name / path.stem)
        except Failed as failed:
            wrong.append(f"{what}: {failed}")
    return wrong


def main() -> int:
    known = {folder.name: folder for folder in sorted((ROOT / "recipes").iterdir()) if (folder / "Cargo.toml").exists()}
    wanted = sys.argv[1:] or list(known)
    for name in wanted:
        if name not in known:
            print(f"there is no recipe {name!r}: choose from {', '.join(known)}", file=sys.stderr)
            return 2
    target = ROOT / "target"
    subprocess.run(["cargo", "build", "--quiet", "--package", "cookbook", "--target-dir", target], cwd=ROOT, check=True)
    # Removes the files of a run that was killed.
    shutil.rmtree(DESK, ignore_errors=True)
    DESK.mkdir(mode=0o700)
    failed = 0
    try:
        shutil.copy(target / "debug" / "cookbook", DESK)
        for name in wanted:
            start = time.monotonic()
            wrong = check(known[name])
            took = f"({time.monotonic() - start:.0f} s)"
            print(f"{name}: {'fails' if wrong else 'stands alone, and so does each of its patterns'} {took}", flush=True)
            for text in wrong:
                print("    " + text.rstrip().replace("\n", "\n    "), flush=True)
            failed += bool(wrong)
    finally:
        shutil.rmtree(DESK)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
