#!/usr/bin/env python3
"""Copies all patterns at once into projects of common shapes, and checks the result.

    python3 tests/copies_into.py [SHAPE ...]      ten manifests, written after those of public projects
    python3 tests/copies_into.py --oldest RUSTC   with the oldest compiler that the patterns promise
    python3 tests/copies_into.py --minimum        with the oldest versions of all dependencies that the tool accepts

The tool must not refuse a copy. This script adds the line that the tool prints to the file that it names. Then
`cargo check` has to pass without a warning, each line of the manifest has to be there still, and a second run has to
change nothing.

Everything is built in one target folder, target/copies.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

import copies

ROOT = copies.ROOT
DESK = copies.DESK.with_name(copies.DESK.name + "-into")
LOCK = ROOT / "Cargo.lock"
LIBRARY = "//! A library.\n"
PROGRAM = "fn main() {}\n"
PACKAGE = '[package]\nname = "app"\nversion = "0.1.0"\n'

# The files of each shape. The crate is in the folder `app`, if there is one.
SHAPES = {
    "fresh": {
        "Cargo.toml": PACKAGE + 'edition = "2024"\n',
        "src/lib.rs": LIBRARY,
    },
    "workspace": {
        "Cargo.toml": """\
[workspace]
resolver = "2"
members = ["app", "crates/*"]

[workspace.package]
edition = "2021"
rust-version = "1.85"

[workspace.dependencies]
# shared
tokio = { version = "1", default-features = false, features = ["rt"] }
futures = { version = "0.3", default-features = false }
serde = { version = "1", default-features = false, features = ["derive"] }
thiserror = "2"
bytes = "1.5"
old-futures = { package = "futures", version = "0.1" }
tokio-util = { version = "0.7", features = ["codec"] }
""",
        "app/Cargo.toml": """\
[package]
name = "app"
version = "0.1.0"
edition.workspace = true
rust-version.workspace = true

[dependencies]
futures = { workspace = true, default-features = true }
serde.workspace = true
tokio = { workspace = true } # the server

[dev-dependencies]
tokio = { workspace = true, features = ["test-util"] }
""",
        "app/src/lib.rs": LIBRARY,
        "app/src/main.rs": PROGRAM,
        "crates/other/Cargo.toml": '[package]\nname = "other"\nversion = "0.1.0"\nedition.workspace = true\n',
        "crates/other/src/lib.rs": LIBRARY,
    },
    "targets": {
        "Cargo.toml": PACKAGE + """\
edition = "2021"
build = "build.rs"

[target.'cfg(unix)'.dependencies]
tokio = { version = "1.40", features = ["net", "signal"] }
rustix = { version = "1", default-features = false }

[target.'cfg(windows)'.dependencies]
futures = "0.3"

[target.'cfg(target_arch = "wasm32")'.dependencies]
reqwest = { version = "0.13", default-features = false, features = ["json"] }

[dev-dependencies]
tempfile = "3"
serde_json = { version = "1", features = ["preserve_order"] }

[build-dependencies]
bytes = "0.5"
""",
        "build.rs": PROGRAM,
        "src/main.rs": PROGRAM,
    },
    "no_std": {
        "Cargo.toml": PACKAGE + """\
edition = "2021"

[features]
default = ["std"]
std = ["bytes/std", "futures/std"]
client = ["dep:reqwest", "dep:tokio"]

[dependencies]
anyhow = { version = "1", default-features = false }
async-channel = { version = "2", default-features = false }
bytes = { version = "1", default-features = false }
futures = { version = "0.3", default-features = false, features = ["alloc"] }
reqwest = { version = "0.13", default-features = false, features = ["native-tls"], optional = true }
rustix = { version = "1", default-features = false }
scopeguard = { version = "1", default-features = false }
serde = { version = "1", default-features = false, features = ["alloc"] }
serde_json = { version = "1", default-features = false, features = ["alloc"] }
tempfile = { version = "3", default-features = false }
thiserror = { version = "2", default-features = false }
tokio = { version = "1", default-features = false, optional = true }
tokio-tungstenite = { version = "0.30", default-features = false }
tracing-error = { version = "0.2", default-features = false }
""",
        "src/lib.rs": LIBRARY,
    },
    "old": {
        "Cargo.toml": PACKAGE + """\
edition = "2021"

[dependencies]
reqwest = { version = "0.12", default-features = false, features = ["json"] }
thiserror = "1"
tokio = { version = "~1.47", features = ["full"] }
tokio-tungstenite = "0.26"
""",
        "src/lib.rs": LIBRARY,
    },
    "edition_2018": {
        "Cargo.toml": PACKAGE + """\
edition = "2018"
authors = ["A <a@example.org>"]

[dependencies]
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
tokio02 = { package = "tokio", version = "0.2" }
futures01 = { package = "futures", version = "0.1" }
thiserror1 = { package = "thiserror", version = "1" }
""",
        "src/main.rs": PROGRAM,
    },
    "renamed": {
        "Cargo.toml": PACKAGE + """\
edition = "2021"

[workspace]

[workspace.dependencies]
tokio1 = { package = "tokio", version = "1", features = ["full"] }

[dependencies]
tokio1 = { workspace = true }
futures03 = { package = "futures", version = "0.3", default-features = false }
""",
        "src/lib.rs": LIBRARY,
    },
    "odd": {
        "Cargo.toml": """\
package = { name = "app", version = "0.1.0", edition = "2024" }

[lib]
path = "code/app.rs"

[dependencies.tokio] # the server
# at least this one
version = "1.40" # not older
features = [ "net"
           , "sync" # why
           ]

[dependencies]
futures.version = "0.3" # here
futures.default-features = false # and small
serde={version="1",features=["derive"]}
bytes   =    '1' # aligned
tokio-util = { version = "0.7", features = [
    "codec", # frames
    "io"
] }

[profile.dev]
opt-level = 1
""",
        "code/app.rs": LIBRARY,
    },
    "windows": {
        "Cargo.toml": "\ufeff" + (PACKAGE + """\
edition = "2021"

# what it needs
[dependencies]
tokio = { version = "1", features = [
    "full", # all of it
] }

[features]
default = []
""").replace("\n", "\r\n"),
        "src/main.rs": PROGRAM,
        "src/lib.rs": LIBRARY,
    },
    "programs": {
        "Cargo.toml": PACKAGE + """\
edition = "2024"
autobenches = false

[[bin]]
name = "serve"
path = "src/bin/serve.rs"

[dev-dependencies]
futures = "0.3"
""",
        "src/bin/serve.rs": PROGRAM,
        "src/bin/work.rs": PROGRAM,
        "examples/show.rs": PROGRAM,
        "tests/all.rs": "",
    },
}


# Patterns that a shape's own versions do not allow, and why: all others have to be copied.
NOT_IN = {
    "old": {
        ("event_loop", "owner"),  # a runtime of one thread is stable since tokio 1.51
        ("http_client", "client"),  # a limit on headers is set since reqwest 0.13.5
        ("pitfalls", "task_local_not_inherited"),  # `LocalKey::try_get` is there since tokio 1.48
    },
}


def patterns() -> list[tuple[str, str]]:
    """Every recipe with each of its patterns."""
    found = []
    for recipe in sorted((ROOT / "recipes").iterdir()):
        for file in sorted((recipe / "src").glob("*.rs")):
            if file.read_text().startswith(copies.PATTERN):
                found.append((recipe.name, file.stem))
    return found


def write(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return folder / "app" if (folder / "app").is_dir() else folder


def copy_all(app: pathlib.Path, wanted: list[tuple[str, str]]) -> list[str]:
    """Copies them, declares them, and returns the refused ones."""
    refused = []
    for recipe, pattern in wanted:
        command = [str(DESK / "cookbook"), "copy", recipe, pattern, "--into", str(app), "--as", f"{recipe}_{pattern}"]
        ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if ran.returncode != 0:
            refused.append(f"{recipe} {pattern}: {ran.stderr.strip()}")
            continue
        printed = re.search(r"^Add to (.*?): (.*)$", ran.stdout, re.MULTILINE)
        if not printed:
            refused.append(f"{recipe} {pattern}: no line is printed\n{ran.stdout}")
            continue
        with open(printed[1], "a") as file:
            file.write(printed[2] + "\n")
    return refused


def check_shape(name: str, folder: pathlib.Path) -> None:
    app = write(folder, SHAPES[name])
    manifest = app / "Cargo.toml"
    before = manifest.read_bytes()
    if name != "old":
        shutil.copy(LOCK, folder)
    wanted = [pattern for pattern in patterns() if pattern not in NOT_IN.get(name, set())]
    for recipe, pattern in NOT_IN.get(name, set()):
        if not copy_all(app, [(recipe, pattern)]):
            raise copies.Failed(f"{recipe} {pattern} is not refused")
    refused = copy_all(app, wanted)
    if refused:
        raise copies.Failed(f"{len(refused)} copies are refused\n" + "\n".join(refused))
    after = manifest.read_bytes()
    # A line may have become longer, and none may be gone.
    at = 0
    for line in before.splitlines():
        for piece in re.findall(rb"#.*|\w+|[^\w\s\[\]{},]", line):
            at = after.find(piece, at) if piece in after[at:] else -1
            if at < 0:
                break
        if at < 0:
            at = 0
            if line not in after and line.split(b"#")[-1] not in after:
                raise copies.Failed(f"{line!r} is gone from\n{after.decode()}")
    if after.count(b"\r\n") not in (0, after.count(b"\n")):
        raise copies.Failed("lines end in two ways")
    if list(folder.rglob(".cookbook-*")):
        raise copies.Failed("something is left over")
    copies.run(app, "cargo", "check", "--quiet", "--all-targets", "--all-features")
    copy_all(app, wanted[:1])
    if manifest.read_bytes() != after:
        raise copies.Failed("a second run changes the manifest")


def check_oldest(rustc: str, folder: pathlib.Path) -> None:
    """The compiler that the recipes promise, and a lock file of versions that it compiles."""
    promised = tomllib.loads((ROOT / "recipes" / "gather" / "Cargo.toml").read_text())["package"]["rust-version"]
    version = subprocess.run([rustc, "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith(f"rustc {promised}."):
        raise copies.Failed(f"the recipes promise {promised}, and this is {version}")
    app = write(folder, {
        "Cargo.toml": PACKAGE + f'edition = "2024"\nrust-version = "{promised}"\n',
        "src/lib.rs": LIBRARY,
    })
    shutil.copy(ROOT / "tests" / "oldest.lock", folder / "Cargo.lock")
    refused = copy_all(app, patterns())
    if refused:
        raise copies.Failed("\n".join(refused))
    copies.ENVIRONMENT["RUSTC"] = str(pathlib.Path(rustc).resolve())
    # Crates added to the lock file since it was made must not need a newer compiler.
    copies.ENVIRONMENT["CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS"] = "fallback"
    copies.run(app, "cargo", "check", "--quiet")


def minimum(recipe: str, pattern: str) -> dict[str, str]:
    """The oldest versions that a pattern compiles with."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["metadata"]["minimum"]
    package = tomllib.loads((ROOT / "recipes" / recipe / "Cargo.toml").read_text())["package"]
    return workspace | package["metadata"]["recipe"].get("minimum", {}).get(pattern, {})


def check_minimum(versions: dict[str, str], wanted: list[tuple[str, str]], folder: pathlib.Path) -> None:
    exact = "".join(f'{name} = "={version}"\n' for name, version in padded(versions).items() if name in needed(wanted))
    app = write(folder, {"Cargo.toml": PACKAGE + f'edition = "2024"\n\n[dependencies]\n{exact}', "src/lib.rs": LIBRARY})
    refused = copy_all(app, wanted)
    if refused:
        raise copies.Failed("\n".join(refused))
    copies.run(app, "cargo", "check", "--quiet")


def padded(versions: dict[str, str]) -> dict[str, str]:
    return {name: version + ".0" * (2 - version.count(".")) for name, version in versions.items()}


def needed(wanted: list[tuple[str, str]]) -> set[str]:
    """The crates that the patterns name."""
    names = set()
    for recipe, pattern in wanted:
        text = (ROOT / "recipes" / recipe / "src" / f"{pattern}.rs").read_text()
        names |= set(re.findall(r"^//! cargo add (\S+)", text, re.MULTILINE))
    return names


def checks(arguments: list[str]) -> list[tuple]:
    """What to run, as a name, a function and its arguments."""
    if arguments[:1] == ["--oldest"] and len(arguments) == 2:
        return [("oldest", check_oldest, arguments[1])]
    if arguments == ["--minimum"]:
        sets: dict[tuple, list] = {}
        for recipe, pattern in patterns():
            sets.setdefault(tuple(sorted(minimum(recipe, pattern).items())), []).append((recipe, pattern))
        return [
            (f"the oldest versions for {len(wanted)} patterns, {wanted[0][1]} first", check_minimum, dict(versions), wanted)
            for versions, wanted in sets.items()
        ]
    wrong = [name for name in arguments if name not in SHAPES]
    if wrong:
        print(f"there is no shape {wrong[0]!r}: choose from {', '.join(SHAPES)}", file=sys.stderr)
        sys.exit(2)
    return [(name, check_shape, name) for name in arguments or SHAPES]


def main() -> int:
    todo = checks(sys.argv[1:])
    target = ROOT / "target"
    subprocess.run(["cargo", "build", "--quiet", "--package", "cookbook", "--target-dir", target], cwd=ROOT, check=True)
    shutil.rmtree(DESK, ignore_errors=True)
    DESK.mkdir(mode=0o700)
    failed = 0
    try:
        shutil.copy(target / "debug" / "cookbook", DESK)
        for number, (name, check, *arguments) in enumerate(todo):
            start = time.monotonic()
            try:
                check(*arguments, DESK / f"{number}")
                wrong = ""
            except copies.Failed as error:
                wrong = str(error)
            took = f"({time.monotonic() - start:.0f} s)"
            print(f"{name}: {'fails' if wrong else 'all patterns compile in it'} {took}", flush=True)
            if wrong:
                print("    " + wrong.rstrip().replace("\n", "\n    "), flush=True)
            failed += bool(wrong)
    finally:
        shutil.rmtree(DESK)
    print(f"{len(todo) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
