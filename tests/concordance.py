#!/usr/bin/env python3
"""Compares docs/concordance.toml with the names that this Python's modules have.

Every name in the `__all__` of asyncio and of concurrent.futures, and every asynchronous one of contextlib's, has an
entry; and every entry that names something of a module is there, in the versions of Python that the entry says.
"""

import asyncio
import concurrent.futures
import contextlib
import importlib.util
import pathlib
import re
import sys
import tomllib
import warnings

CONCORDANCE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "concordance.toml"
MODULES = {"asyncio": asyncio, "concurrent.futures": concurrent.futures, "contextlib": contextlib}
# A name, perhaps of a class: what stands behind it, such as an argument, is for the reader.
NAME = re.compile(r"(asyncio|loop|concurrent\.futures|contextlib|aiohttp)\.(\w+)(?:\.(\w+))?(?![\w.])")
HERE = sys.version_info[:2]


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def exported(module) -> set[str]:
    if module is not contextlib:
        return set(module.__all__)
    # What can be used with `async with`, makes such a thing, or says that it is about that.
    return {
        name for name in module.__all__
        if "async" in name.lower() or hasattr(getattr(module, name), "__aenter__") or "aclos" in name
    }


def has(module, name: str, attribute: str | None) -> bool:
    try:
        value = getattr(module, name)
    except AttributeError:
        return False
    return attribute is None or hasattr(value, attribute)


def main() -> int:
    warnings.simplefilter("ignore", DeprecationWarning)
    entries = tomllib.loads(CONCORDANCE.read_text())
    wrong = []
    for name, module in MODULES.items():
        wrong += [f"{name}.{missing} has no entry" for missing in sorted(exported(module)) if f"{name}.{missing}" not in entries]
    # As the documentation of Python names the methods of an event loop.
    modules = MODULES | {"loop": asyncio.BaseEventLoop}
    if importlib.util.find_spec("aiohttp"):
        modules["aiohttp"] = importlib.import_module("aiohttp")
    checked = 0
    for key, entry in entries.items():
        name = NAME.match(key)
        if not name or name[1] not in modules:
            continue
        module = modules[name[1]]
        since, until = version(entry.get("since", "3.11")), version(entry.get("until", "9.0"))
        is_parameter = name.end() < len(key)
        if is_parameter and since > HERE:
            continue
        # A test server is imported by its own name.
        found = has(module, name[2], name[3]) or name[1] != "loop" and importlib.util.find_spec(f"{name[1]}.{name[2]}") is not None
        if found != (since <= HERE <= until):
            wrong.append(f"{key} is {'there' if found else 'missing'} in Python {HERE[0]}.{HERE[1]}")
        checked += 1
    for line in wrong:
        print(line)
    print(f"{len(entries)} entries, {checked} checked, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
