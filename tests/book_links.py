#!/usr/bin/env python3
"""Builds the book and follows its links: to pages, anchors, sources, pictures, styles and scripts.

    python3 tests/book_links.py [--break]

The book is checked in both forms that readers have: as plain files, by lychee, and as `mdbook serve` serves it, by a walk
from the front page over HTTP. The walk has to come to every page, and every recipe is one click from the front page.

With --break it breaks a copy of the book's sources in one way after another, and each time both have to report it.

It needs mdbook and lychee, in target/tools, where `.ci/run` installs them, or in PATH.
"""

import base64
import collections
import contextlib
import html.parser
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = [ROOT / "target/tools/bin", ROOT / "target/tools/lychee/bin"]
SECONDS_ALLOWED = 60
LINKS = {"a": "href", "img": "src", "link": "href", "script": "src", "iframe": "src", "object": "data"}


def tool(name: str) -> str:
    path = os.pathsep.join([*map(str, TOOLS), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        sys.exit(f"{name} is missing: neither target/tools nor PATH has it")
    return found


class Page(html.parser.HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.anchors: set[str] = {""}
        # The links of the text itself, without the sidebar.
        self.in_main = False
        self.of_main: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        self.in_main |= tag == "main"
        link = given.get(LINKS.get(tag, ""))
        if link:
            self.links.append((tag, link))
            if self.in_main:
                self.of_main.append(link)

    def handle_endtag(self, tag: str) -> None:
        self.in_main &= tag != "main"


def get(url: str) -> tuple[int, str, bytes]:
    """The status, the type and the body of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS_ALLOWED) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, "", b""


def is_picture(kind: str, body: bytes) -> bool:
    if kind != "image/svg+xml":
        return kind.startswith("image/") and bool(body)
    try:
        return xml.etree.ElementTree.fromstring(body).tag.endswith("svg")
    except xml.etree.ElementTree.ParseError:
        return False


def of_data(url: str) -> tuple[str, bytes]:
    """The type and the bytes of a picture that is a part of its page."""
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return kind, base64.b64decode(data)


def walk(home: str, recipes: list[str], files: set[str]) -> list[str]:
    """What is wrong with the pages that links lead to, from the front page on."""
    wrong = []
    answers: dict[str, tuple[int, str, bytes]] = {}
    pages: dict[str, Page] = {}
    wanted = collections.deque([home])
    anchors = []
    while wanted:
        url = wanted.popleft()
        answers[url] = status, kind, body = get(url)
        if status != 200 or kind != "text/html":
            continue
        page = pages[url] = Page(body.decode())
        for tag, link in page.links:
            if link.startswith("data:"):
                if not is_picture(*of_data(link)):
                    wrong.append(f"{url}: a picture in the page is none")
                continue
            target, anchor = urllib.parse.urldefrag(urllib.parse.urljoin(url, link))
            if not target.startswith(home):
                continue
            anchors.append((url, tag, target, urllib.parse.unquote(anchor)))
            if target not in answers and target not in wanted:
                wanted.append(target)
    for url, tag, target, anchor in anchors:
        status, kind, body = answers[target]
        if status != 200:
            wrong.append(f"{url}: {target} is answered with {status}")
        elif target in pages and anchor not in pages[target].anchors:
            wrong.append(f"{url}: {target} has no #{anchor}")
        elif tag == "img" and not is_picture(kind, body):
            wrong.append(f"{url}: {target} is no picture")
    found = {urllib.parse.urlsplit(url).path.removeprefix("/") or "index.html" for url in pages}
    wrong += [f"no link leads to {file}" for file in sorted(files - found)]
    clicks = {urllib.parse.urljoin(home, link) for link in pages[home].of_main} if home in pages else set()
    for recipe in recipes:
        if f"{home}recipes/{recipe}/index.html" not in clicks:
            wrong.append(f"the front page does not link the recipe {recipe}")
    if get(f"{home}no_such_page.html")[0] != 404:
        wrong.append("a page that does not exist is not answered with 404")
    return wrong


@contextlib.contextmanager
def served(tree: pathlib.Path, folder: pathlib.Path):
    """The book's address while `mdbook serve` runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [tool("mdbook"), "serve", "docs", "--dest-dir", str(folder), "--hostname", "127.0.0.1", "--port", str(port)]
    with open(folder.with_suffix(".log"), "w+") as log:
        server = subprocess.Popen(command, cwd=tree, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            give_up = time.monotonic() + SECONDS_ALLOWED
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > give_up:
                        log.seek(0)
                        raise SystemExit(f"mdbook serve does not serve:\n{log.read()}") from None
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.kill()
            server.wait()


def run(command: list[str], tree: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=tree, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS_ALLOWED
    )


def check(tree: pathlib.Path) -> tuple[list[str], list[str]]:
    """What is wrong with the book of `tree`: as files, and as it is served."""
    recipes = sorted(manifest.parent.name for manifest in tree.glob("recipes/*/Cargo.toml"))
    with tempfile.TemporaryDirectory() as desk:
        book = pathlib.Path(desk, "book")
        built = run([tool("mdbook"), "build", "docs", "--dest-dir", str(book)], tree)
        if built.returncode != 0:
            sys.exit(f"mdbook build fails:\n{built.stderr}")
        # A server shows 404.html for any address, so its own links begin at the root.
        (book / "404.html").unlink()
        files = sorted(str(file.relative_to(book)) for file in book.rglob("*.html"))
        options = ["--offline", "--include-fragments", "--no-progress", "--format", "detailed"]
        linked = run([tool("lychee"), *options, "--root-dir", str(book), *(str(book / file) for file in files)], tree)
        as_files = [linked.stdout.replace(f"file://{book}/", "") + linked.stderr] if linked.returncode != 0 else []
        with served(tree, pathlib.Path(desk, "served")) as home:
            # toc.html is for browsers without scripts, which see it in a frame.
            return as_files, walk(home, recipes, set(files))


# What is broken: in this file, this text is replaced by that one, and then this is reported.
CHAPTER = "recipes/gather/README.md"
BREAKS = {
    "a page": (CHAPTER, "\n## ", "\n[x](../no_such_recipe/README.md)\n\n## ", "no_such_recipe"),
    "an anchor of a page": (CHAPTER, "\n## ", "\n[x](../../README.md#no-such-heading)\n\n## ", "no-such-heading"),
    "an anchor of a source": (CHAPTER, "\n## ", "\n[x](src/wait.rs#no_such_function)\n\n## ", "no_such_function"),
    "a source": (CHAPTER, "\n## ", "\n[x](src/no_such_pattern.rs)\n\n## ", "no_such_pattern"),
    "a picture": (CHAPTER, "\n## ", "\n![x](no_such_picture.svg)\n\n## ", "no_such_picture"),
}
# What lychee does not look for.
BREAKS_OF_THE_WALK = {
    "a picture that is none": ("recipes/gather/timeline.svg", "</svg>", "", "a picture in the page is none"),
    "a recipe that the front page forgets": (
        "README.md", "](recipes/gather/README.md)", "](recipes/queues/README.md)", "does not link the recipe gather",
    ),
}


def missed(what: str, by: str, expected: str, reports: list[str]) -> list[str]:
    seen = any(expected in report for report in reports)
    print(f"{what}: {by} {'sees it' if seen else 'DOES NOT SEE IT'}", flush=True)
    return [] if seen else [what]


def break_it() -> int:
    """Whether each of the breaks is seen."""
    unseen = []
    with tempfile.TemporaryDirectory() as desk:
        tree = pathlib.Path(desk, "tree")
        litter = shutil.ignore_patterns("target", ".git", "book", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=litter)
        for what, (file, old, new, expected) in (BREAKS | BREAKS_OF_THE_WALK).items():
            whole = (tree / file).read_text()
            if old not in whole:
                sys.exit(f"{file} has no {old!r} to break")
            (tree / file).write_text(whole.replace(old, new, 1))
            as_files, as_served = check(tree)
            (tree / file).write_text(whole)
            if what in BREAKS:
                unseen += missed(what, "lychee", expected, as_files)
            unseen += missed(what, "the walk", expected, as_served)
    print(f"{len(unseen)} not seen")
    return 1 if unseen else 0


def main() -> int:
    if sys.argv[1:] == ["--break"]:
        return break_it()
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    as_files, as_served = check(ROOT)
    for line in as_files + as_served:
        print(line)
    print(f"as files: {'broken links' if as_files else 'good'}; as served: {'broken links' if as_served else 'good'}")
    return 1 if as_files or as_served else 0


if __name__ == "__main__":
    sys.exit(main())
