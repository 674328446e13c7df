#!/usr/bin/env python3
"""Copies every recipe and every pattern out, and builds and runs the copies where nothing of the workspace is.

    python3 tests/copies.py [RECIPE ...]

A recipe is copied into an empty folder by the first command of its chapter's *Copy it*. It has to build from its own
manifest without a warning, print its transcript, and pass the lessons that came along. A pattern is copied into a
fresh `cargo new` project by the chapter's second command, with the pattern's name in it, and has to build there; once
with the dependencies that the tool adds, and once with those of the `cargo add` lines in its docs, typed in as they
stand.

Everything is built in one target folder, target/copies, and offline: `cargo fetch` comes before.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
STAMP = re.compile(r"^ *\d+\.\d{3}s  ", re.MULTILINE)
PATTERN = "// SPDX-License-Identifier: 0BSD\n"
SECONDS_ALLOWED = 900

ENVIRONMENT = os.environ | {
    "CARGO_TARGET_DIR": str(ROOT / "target" / "copies"),
    "CARGO_NET_OFFLINE": "true",
    "CARGO_TERM_COLOR": "never",
    "RUSTFLAGS": "--deny warnings",
    # Each project is built once: what speeds up a second time costs time here.
    "CARGO_INCREMENTAL": "0",
    "CARGO_PROFILE_DEV_DEBUG": "0",
    "CARGO_PROFILE_TEST_DEBUG": "0",
}


class Failed(Exception):
    """What a copy does not do."""


def run(command: list[str], folder: pathlib.Path, **changed: str) -> str:
    """What `command` prints; its errors are kept for the report."""
    ran = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT | changed, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=SECONDS_ALLOWED,
    )
    if ran.returncode != 0:
        output = "\n".join(line for line in (ran.stdout + ran.stderr).splitlines() if not line.startswith("   Comp"))
        raise Failed(f"{shlex.join(command)}\n{output}")
    return ran.stdout


class Desk:
    """A folder outside the workspace, where `cargo cookbook` is an installed program."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.here = folder / "tokio-cookbook"
        self.here.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        built = ROOT / "target" / "debug" / "cookbook"
        # A copy of the program, started under cargo's name for it: nothing leads back to the repository.
        (self.bin / "cookbook").write_bytes(built.read_bytes())
        (self.bin / "cookbook").chmod(0o755)

    def cookbook(self, command: str) -> str:
        words = shlex.split(command)
        if words[:2] != ["cargo", "cookbook"]:
            raise Failed(f"not a command of the cookbook: {command}")
        return run([str(self.bin / "cookbook"), *words[2:]], self.here)


def commands(recipe: pathlib.Path) -> tuple[str, str]:
    """The two commands of the chapter: for the recipe, and for one pattern."""
    section = re.search(r"^## Copy it\n(.*?)(?=^## |\Z)", (recipe / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    found = re.findall(r"^(cargo cookbook copy .*?) *(?:#.*)?$", section.group(1) if section else "", re.MULTILINE)
    if len(found) != 2 or " --into " not in found[1]:
        raise Failed("the chapter's *Copy it* does not show two commands, for the recipe and for one pattern")
    return found[0], found[1]


def patterns(recipe: pathlib.Path) -> list[pathlib.Path]:
    return [file for file in sorted((recipe / "src").glob("*.rs")) if file.read_text().startswith(PATTERN)]


def check_recipe(desk: Desk, recipe: pathlib.Path, command: str) -> None:
    desk.cookbook(command)
    copy = (desk.here / shlex.split(command)[-1]).resolve()
    run(["cargo", "build", "--quiet"], copy)
    printed = run(["cargo", "run", "--quiet"], copy)
    expected = (recipe / "transcript.txt").read_text()
    if STAMP.sub("", printed) != STAMP.sub("", expected):
        raise Failed(f"it prints\n{printed}and its transcript is\n{expected}")
    run(["cargo", "test", "--quiet"], copy)


def new_crate(folder: pathlib.Path) -> None:
    run(["cargo", "new", "--quiet", "--lib", "--vcs", "none", str(folder)], folder.parent)
    # The versions that the cookbook was tried with, so that the same commit gives the same answer next year.
    (folder / "Cargo.lock").write_bytes((ROOT / "Cargo.lock").read_bytes())


def check_pattern(desk: Desk, pattern: pathlib.Path, command: str) -> None:
    words = shlex.split(command)
    words[words.index("copy") + 2] = pattern.stem
    project = (desk.here / words[words.index("--into") + 1]).resolve()
    new_crate(project)
    told = desk.cookbook(shlex.join(words))
    line = re.search(rf"^Add to .*src/lib.rs: (mod {pattern.stem};)$", told, re.MULTILINE)
    if not line:
        raise Failed(f"the line for lib.rs is not told:\n{told}")
    (project / "src" / "lib.rs").write_text(f"pub {line.group(1)}\n")
    run(["cargo", "check", "--quiet"], project)
    by_tool = tomllib.loads((project / "Cargo.toml").read_text())["dependencies"]

    # The same by hand. Equal manifests need no second build.
    (project / "Cargo.toml").unlink()
    (project / "src" / "lib.rs").unlink()
    run(["cargo", "init", "--quiet", "--lib", "--vcs", "none"], project)
    docs = "\n".join(line[3:] for line in pattern.read_text().splitlines() if line.startswith("//!"))
    for arguments in re.findall(r"cargo add ([^`\n]*)", docs):
        run(["cargo", "add", "--quiet", *shlex.split(arguments)], project)
    by_hand = tomllib.loads((project / "Cargo.toml").read_text())["dependencies"]
    if plain(by_tool) != plain(by_hand):
        raise Failed(f"the tool adds {plain(by_tool)}, the docs say {plain(by_hand)}")


def plain(dependencies: dict) -> dict:
    """What a section says, apart from versions: name, features, whether the default ones are on."""
    said = {}
    for name, value in dependencies.items():
        table = value if isinstance(value, dict) else {}
        said[name] = (sorted(table.get("features", [])), table.get("default-features", True))
    return said


def check(recipe: pathlib.Path) -> list[str]:
    """What is wrong with the copies of a recipe."""
    try:
        of_recipe, of_pattern = commands(recipe)
    except Failed as failed:
        return [str(failed)]
    wrong = []
    with tempfile.TemporaryDirectory(prefix="copies-") as folder:
        try:
            check_recipe(Desk(pathlib.Path(folder)), recipe, of_recipe)
        except (Failed, subprocess.TimeoutExpired) as failed:
            wrong.append(f"the copy: {failed}")
    for pattern in patterns(recipe):
        with tempfile.TemporaryDirectory(prefix="copies-") as folder:
            try:
                check_pattern(Desk(pathlib.Path(folder)), pattern, of_pattern)
            except (Failed, subprocess.TimeoutExpired) as failed:
                wrong.append(f"{pattern.name}: {failed}")
    return wrong


def main() -> int:
    known = {folder.name: folder for folder in sorted((ROOT / "recipes").iterdir()) if (folder / "Cargo.toml").exists()}
    wanted = sys.argv[1:] or list(known)
    for name in wanted:
        if name not in known:
            print(f"there is no recipe {name!r}: choose from {', '.join(known)}", file=sys.stderr)
            return 2
    subprocess.run(["cargo", "fetch", "--quiet"], cwd=ROOT, check=True)
    subprocess.run(
        ["cargo", "build", "--quiet", "--package", "cookbook", "--target-dir", ROOT / "target"], cwd=ROOT, check=True
    )
    failed = 0
    for name in wanted:
        wrong = check(known[name])
        print(f"{name}: {'fails' if wrong else 'stands alone, and so does each of its patterns'}", flush=True)
        for text in wrong:
            print("    " + text.replace("\n", "\n    "), flush=True)
        failed += bool(wrong)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
