#!/usr/bin/env python3
"""Changes the patterns, one small change at a time, and sees that a lesson turns red.

    python3 tests/mutants.py [PACKAGE ...]

The changes are those of cargo-mutants, which is installed under target/. A change that no lesson notices must be listed in
tests/mutants.toml with the reason why no lesson can. A listed change that a lesson notices must be removed from the list.

All packages take hours on two cores. The results are kept under target/mutants.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXCUSES = ROOT / "tests" / "mutants.toml"
TOOLS = ROOT / "target" / "tools"
VERSION = "27.1.0"
# A lesson takes milliseconds. After this time it counts as hanging; the limit is longer than the lessons of executors
# allow themselves.
SECONDS_ALLOWED = 60
PLACE = re.compile(r":\d+:\d+: ")
RED = re.compile(r"^test .* FAILED$", re.MULTILINE)


def packages() -> list[str]:
    recipes = sorted(folder.name for folder in (ROOT / "recipes").iterdir() if (folder / "Cargo.toml").exists())
    return [*recipes, "cancel_sweep", "common", "timeline"]


def outcomes(package: str) -> dict[str, list[str]]:
    """The mutants of a package by what became of them: CaughtMutant, MissedMutant, Timeout, Unviable.

    One that turns a lesson red while another lesson hangs is caught.
    """
    output = ROOT / "target" / "mutants" / package
    output.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        ["cargo", "mutants", "--package", package, "--output", output, "--timeout", str(SECONDS_ALLOWED), "--colors", "never"],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
    )
    # 2 and 3 mean that mutants were missed or hang.
    if run.returncode not in (0, 2, 3):
        sys.exit(f"cargo mutants --package {package} ended with {run.returncode}")
    found = collections.defaultdict(list)
    results = output / "mutants.out"
    for outcome in json.loads((results / "outcomes.json").read_text())["outcomes"]:
        if isinstance(outcome["scenario"], dict):
            summary = outcome["summary"]
            if summary == "Timeout" and RED.search((results / outcome["log_path"]).read_text(errors="replace")):
                summary = "CaughtMutant"
            found[summary].append(outcome["scenario"]["Mutant"]["name"])
    return found


def main() -> int:
    known = packages()
    wanted = sys.argv[1:] or known
    for name in wanted:
        if name not in known:
            print(f"there is no package {name!r}: choose from {', '.join(known)}", file=sys.stderr)
            return 2
    command = ["cargo", "install", "--quiet", "--locked", "--root", TOOLS, f"cargo-mutants@{VERSION}"]
    subprocess.run(command, check=True, cwd=ROOT)

    excuses = {excuse["mutant"]: excuse for excuse in tomllib.loads(EXCUSES.read_text())["missed"]}
    red = hanging = viable = 0
    wrong = []
    for package in wanted:
        found = outcomes(package)
        missed = found["MissedMutant"]
        # A lesson that hangs has noticed the change too: it does not pass.
        noticed = len(found["CaughtMutant"]) + len(found["Timeout"])
        red, hanging = red + len(found["CaughtMutant"]), hanging + len(found["Timeout"])
        viable += noticed + len(missed)
        without_end = f", {len(found['Timeout'])} of them by no end" if found["Timeout"] else ""
        print(f"{package}: {noticed} of {noticed + len(missed)} are noticed{without_end}", flush=True)
        # Lines move; what was changed and in which function stays.
        places = collections.Counter(PLACE.sub(": ", mutant, count=1) for mutant in missed)
        wrong += [
            f"no lesson notices, and no reason says why: {mutant}"
            for mutant in missed
            if places[name := PLACE.sub(": ", mutant, count=1)] > excuses.get(name, {}).get("times", int(name in excuses))
        ]
        folder = f"{'recipes' if (ROOT / 'recipes' / package).exists() else 'crates'}/{package}/"
        wrong += [
            f"noticed by now, so it has to go from tests/mutants.toml: {name}"
            for name, excuse in excuses.items()
            if name.startswith(folder) and places[name] < excuse.get("times", 1)
        ]
    for line in wrong:
        print(line)
    print(f"{red + hanging} of {viable} are noticed: {red} turn a lesson red, {hanging} have no end; {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
