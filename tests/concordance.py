#!/usr/bin/env python3
"""Compares docs/concordance with the names that Python's modules have, member by member, both ways.

Forward: every public name of the modules below, and every public member of every public class of theirs, has an answer:
its own, or that of the base class it comes from. The names are those of the Python that runs this, and with
`--typeshed FOLDER` those of every later version, as typeshed has them (the package mypy of PyPI carries it).
Backward: every answer for a name of these modules is for one that exists, in the versions that the answer says.
aiohttp is compared if it can be imported.
"""

import argparse
import ast
import asyncio
import asyncio.subprocess
import concurrent.futures
import contextlib
import contextvars
import importlib
import importlib.util
import inspect
import pathlib
import re
import sys
import tomllib
import typing
import warnings

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs" / "concordance"
HERE = sys.version_info[:2]
LATEST = (3, 14)
MODULES = {
    "asyncio": asyncio,
    "concurrent.futures": concurrent.futures,
    "contextlib": contextlib,
    "contextvars": contextvars,
}
# What every class or every exception of Python's has.
COMMON = set(dir(object)) | set(dir(BaseException)) | set(dir(OSError)) | {"add_note"}
# Members that a class of a library has from Python's collections.
COLLECTIONS = set(dir(dict)) | set(dir(tuple)) | set(dir(int)) | set(dir(list))


# Names that programs use though this Python does not export them, or not on this system.
ELSEWHERE = {
    "asyncio.ProactorEventLoop": "on Windows",
    "asyncio.WindowsSelectorEventLoopPolicy": "on Windows",
    "asyncio.WindowsProactorEventLoopPolicy": "on Windows",
    "aiohttp.BadStatusLine": "in aiohttp.http_exceptions",
    "aiohttp.ClientSession.provider": "of a class derived from it",
    "aiohttp.ClientSession.query": "in aiohttp 4",
    "aiohttp.ClientWebSocketResponse.loop": "an attribute of instances",
    "aiohttp.Connection": "in aiohttp.connector",
    "aiohttp.SERVER_SOFTWARE": "in aiohttp.http",
    "concurrent.futures.DoneAndNotDoneFutures": "in concurrent.futures._base",
    "concurrent.futures.Error": "in concurrent.futures._base",
    "concurrent.futures.CANCELLED": "in concurrent.futures._base",
    "concurrent.futures.CANCELLED_AND_NOTIFIED": "in concurrent.futures._base",
    "concurrent.futures.FINISHED": "in concurrent.futures._base",
    "concurrent.futures.PENDING": "in concurrent.futures._base",
    "concurrent.futures.RUNNING": "in concurrent.futures._base",
}


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


class Answers:
    """What docs/concordance has, with what a class has of another and what is spelled otherwise."""

    def __init__(self) -> None:
        spelling = tomllib.loads((DOCS / "spelling.toml").read_text())
        self.modules = spelling["modules"]
        self.bases = {name: [base] if isinstance(base, str) else base for name, base in spelling["bases"].items()}
        self.names: dict[str, dict] = {}
        for file in spelling["files"]:
            if file in ("rust", "messages", "tasks"):
                continue
            for key, entry in tomllib.loads((DOCS / f"{file}.toml").read_text()).items():
                if not isinstance(entry, dict):
                    continue
                for name in [key, *([entry["also"]] if isinstance(entry.get("also"), str) else entry.get("also", []))]:
                    self.names.setdefault(name, entry)
                for members in entry.get("members", {}):
                    for member in members.split("|"):
                        self.names.setdefault(f"{key}.{member.strip()}", entry)

    def spelled(self, name: str) -> str:
        found = [module for module in self.modules if name == module or name.startswith(module + ".")]
        longest = max(found, key=len, default=None)
        return name if longest is None else self.modules[longest] + name[len(longest):]

    def has(self, name: str) -> bool:
        if name in self.names:
            return True
        name = self.spelled(name)
        if name in self.names:
            return True
        owner, _, member = name.rpartition(".")
        return any(self.has(f"{base}.{member}") for base in self.bases.get(owner, []))


def exported(module) -> list[str]:
    names = list(module.__all__)
    if module is asyncio:
        names += [f"subprocess.{name}" for name in ("Process", "PIPE", "STDOUT", "DEVNULL")]
    return names


def found(module, name: str):
    value = module
    for part in name.split("."):
        value = getattr(value, part)
    return value


def members(value) -> list[str]:
    if not inspect.isclass(value):
        return []
    shared = COMMON | (COLLECTIONS if issubclass(value, (dict, tuple, int, list)) or hasattr(value, "popitem") else set())
    return [name for name in dir(value) if not name.startswith("_") and name not in shared]


class Typeshed:
    """The public names and members of a module in a version of Python, from typeshed's stubs."""

    def __init__(self, folder: pathlib.Path, at: tuple[int, int]) -> None:
        self.folder, self.at = folder / "stdlib", at

    def names(self, module: str) -> dict[str, set[str]]:
        """Each exported name, with the members that its class defines."""
        path = self.folder / module.replace(".", "/")
        path = path / "__init__.pyi" if path.is_dir() else path.with_suffix(".pyi")
        body = list(self.statements(ast.parse(path.read_text()).body))
        exports, classes = set(), {}
        for statement in body:
            match statement:
                case ast.Assign(targets=[ast.Name(id="__all__")], value=value) | ast.AugAssign(target=ast.Name(id="__all__"), value=value):
                    exports |= {node.value for node in ast.walk(value) if isinstance(node, ast.Constant)}
                case ast.ClassDef():
                    classes[statement.name] = {
                        name for inner in self.statements(statement.body) for name in self.defined(inner) if not name.startswith("_")
                    }
                case ast.ImportFrom(level=0, module=str(submodule), names=aliases) if submodule.startswith("_"):
                    # Classes that are written in C.
                    inner = self.names(submodule)
                    classes |= {alias.name: inner.get(alias.name, set()) for alias in aliases}
                case ast.ImportFrom(level=1, module=str(submodule), names=aliases) if path.name == "__init__.pyi":
                    inner = self.names(f"{module}.{submodule}")
                    wanted = inner if aliases[0].name == "*" else {alias.name: inner.get(alias.name, set()) for alias in aliases}
                    classes |= wanted
        return {name: classes.get(name, set()) for name in exports or classes}

    def defined(self, statement) -> list[str]:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                return [name]
            case ast.Assign(targets=[ast.Name(id=name)]):
                return [name]
        return []

    def statements(self, body):
        for statement in body:
            if isinstance(statement, ast.If):
                yield from self.statements(statement.body if self.holds(statement.test) else statement.orelse)
            else:
                yield statement

    def holds(self, test) -> bool:
        match test:
            case ast.BoolOp(op=op, values=values):
                return (all if isinstance(op, ast.And) else any)(map(self.holds, values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.holds(operand)
            case ast.Compare(left=ast.Attribute(attr="version_info"), ops=[op], comparators=[ast.Tuple(elts=elements)]):
                wanted = tuple(element.value for element in elements)
                return self.at >= wanted if isinstance(op, ast.GtE) else self.at < wanted
            case ast.Compare(left=ast.Attribute(attr="platform"), ops=[op], comparators=[ast.Constant(value=platform)]):
                return (platform == "linux") == isinstance(op, ast.Eq)
        return False


def forward(answers: Answers, modules: dict) -> tuple[list[str], int]:
    wrong, checked = [], 0
    for module_name, module in modules.items():
        for name in exported(module):
            value = found(module, name)
            for full in [f"{module_name}.{name}", *(f"{module_name}.{name}.{member}" for member in members(value))]:
                checked += 1
                if not answers.has(full):
                    wrong.append(f"{full} has no answer")
    return wrong, checked


def later(answers: Answers, folder: pathlib.Path) -> tuple[list[str], int, dict]:
    """Names of later versions; and all that each version has, for the way back."""
    wrong, checked, known = [], 0, {}
    for minor in range(11, LATEST[1] + 1):
        stubs = Typeshed(folder, (3, minor))
        names = set()
        for module in [*MODULES, "asyncio.subprocess"]:
            for name, inner in stubs.names(module).items():
                if module == "contextlib" and name.startswith("_"):
                    continue
                names |= {f"{module}.{name}", *(f"{module}.{name}.{member}" for member in inner)}
        known[3, minor] = names
        for full in sorted(names):
            checked += 1
            member = full.rpartition(".")[2]
            if member not in COMMON and not answers.has(full):
                wrong.append(f"{full} of Python 3.{minor} has no answer")
    return wrong, checked, known


def backward(answers: Answers, modules: dict, known: dict) -> tuple[list[str], int]:
    wrong, checked = [], 0
    for name, entry in answers.names.items():
        if re.search(r"[ (,]", name) or "._" in name:
            continue
        module_name = next((module for module in sorted(modules, key=len, reverse=True) if name.startswith(module + ".")), None)
        if name.startswith("loop."):
            module_name, path = "asyncio", "BaseEventLoop" + name.removeprefix("loop")
        elif module_name is None:
            continue
        else:
            path = name.removeprefix(module_name + ".")
        since, until = version(entry.get("since", "3.11")), version(entry.get("until", "9.0"))
        checked += 1
        if since <= HERE <= until:
            try:
                found(modules[module_name], path)
            except AttributeError:
                # A submodule, or an attribute that an instance has and its class does not.
                if name not in ELSEWHERE and not is_attribute(modules[module_name], path):
                    wrong.append(f"{name} is missing in Python {HERE[0]}.{HERE[1]}")
        elif known and since > HERE and since <= LATEST and not path.startswith("interpreter."):
            before = (since[0], since[1] - 1)
            if not any(one.startswith(f"{module_name}.{path}") for one in known[since]):
                wrong.append(f"{name} is missing in typeshed's Python {since[0]}.{since[1]}")
            if f"{module_name}.{path}" in known[before]:
                wrong.append(f"{name} is in Python {before[0]}.{before[1]} already")
    for name in ELSEWHERE:
        if name not in answers.names:
            wrong.append(f"{name} needs no reason: it has no answer")
    return wrong, checked


def is_attribute(module, path: str) -> bool:
    """Whether `path` is set by the class's own code, or annotated, or a submodule."""
    owner, _, attribute = path.rpartition(".")
    try:
        value = found(module, owner) if owner else module
    except AttributeError:
        with contextlib.suppress(ImportError):
            value = importlib.import_module(f"{module.__name__}.{owner}")
            return hasattr(value, attribute)
        return False
    if inspect.ismodule(value):
        try:
            return importlib.util.find_spec(f"{value.__name__}.{attribute}") is not None
        except ModuleNotFoundError:
            return False
    for base in inspect.getmro(value) if inspect.isclass(value) else ():
        if attribute in getattr(base, "__annotations__", {}) or attribute in getattr(base, "__slots__", ()):
            return True
        with contextlib.suppress(OSError, TypeError):
            if re.search(rf"self\.{attribute}\b\s*(:[^=\n]+)?=", inspect.getsource(base)):
                return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--typeshed", type=pathlib.Path, help="the folder of typeshed, for later versions of Python")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    modules = dict(MODULES)
    if importlib.util.find_spec("aiohttp"):
        for name in ("aiohttp", "aiohttp.web"):
            modules[name] = importlib.import_module(name)
    answers = Answers()
    wrong, checked = forward(answers, modules)
    known: dict = {}
    if options.typeshed:
        of_later, of_stubs, known = later(answers, options.typeshed)
        wrong, checked = wrong + of_later, checked + of_stubs
    back, checked_back = backward(answers, modules, known)
    wrong += back
    for line in wrong:
        print(line)
    print(f"{len(answers.names)} names, {checked} looked up, {checked_back} looked up in Python, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
