#!/usr/bin/env python3
"""Makes links of the repository into links of the book. mdBook runs this as a preprocessor.

A page's links are those that work in the repository, from the folder of the page's own file. In the book,

- a link to a chapter leads to its page;
- a link to any other file leads to a page with its text, where `#name` finds the function of that name;
- a picture becomes a part of its page;
- a link to a folder leads to the repository, if `repository` in book.toml says where that is, and is plain text if not.

A link to what does not exist stays as it is: `tests/book_links.py` finds it.
"""

import base64
import html
import json
import mimetypes
import pathlib
import posixpath
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BRANCH = "main"
SOURCES = "sources/index.md"

# Fences and code come first, because text in them that looks like a link is no link.
MARKDOWN = re.compile(
    r"^[ >]*(?P<fence>```+|~~~+)[^\n]*\n.*?^[ >]*(?P=fence)[^\n]*$"
    r"|(?<!`)(?P<code>`+)(?!`).+?(?<!`)(?P=code)(?!`)"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
ITEM = re.compile(r"\s*(?:(?:pub(?:\([^)]*\))?|const|async|unsafe) )*(?:fn|struct|enum|trait|type|mod|def|class) (\w+)")
# Lines that belong to the item after them.
HEAD = re.compile(r"\s*(?:///|#\[|@)")
LANGUAGES = {".rs": "rust", ".py": "python", ".toml": "toml", ".svg": "xml", ".md": "markdown"}


def link(page: str, other: str) -> str:
    """The address of `other` in links of `page`."""
    return posixpath.relpath(other.removesuffix(".md") + ".html", posixpath.dirname(page) or ".")


class Book:
    def __init__(self, context: dict, items: list) -> None:
        config = context["config"]
        self.repository = config["preprocessor"]["pages"].get("repository", "").rstrip("/")
        sources = pathlib.Path(context["root"], config["book"].get("src", "src")).resolve()
        self.chapters = list(chapters(items))
        # The page of each file that is shown: chapters, and the sources that are linked.
        self.pages: dict[str, str] = {}
        self.sources: list[str] = []
        for chapter in self.chapters:
            file = (sources / chapter["source_path"]).resolve().relative_to(ROOT).as_posix()
            folder, name = posixpath.split(file.removeprefix("docs/src/"))
            chapter["path"] = posixpath.join(folder, "index.md" if name == "README.md" else name)
            chapter["file"] = file
            self.pages[file] = chapter["path"]

    def page_of(self, file: str) -> str | None:
        """The page that shows a file of the repository. There will be one for a source that has none yet."""
        if file not in self.pages and (ROOT / file).is_file():
            # mdBook treats each `.md` in a link as the end of a page's name.
            self.pages[file] = f"sources/{file.removesuffix('.md')}.md"
            self.sources.append(file)
        return self.pages.get(file)

    def with_links(self, text: str, file: str, page: str) -> str:
        """The text of `file` with the links of its page."""

        def linked(found: re.Match) -> str:
            target = found["target"]
            if not target or re.match(r"#|/|\w+:", target):
                return found[0]
            path, hash, anchor = target.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
            if path.startswith("../"):
                return found[0]
            if found["image"]:
                return f"![{found['text']}]({self.picture(path) or target})"
            shown = self.with_links(found["text"], file, page)
            if (ROOT / path).is_dir():
                return f"[{shown}]({self.repository}/tree/{BRANCH}/{path})" if self.repository else shown
            other = self.page_of(path)
            return f"[{shown}]({link(page, other)}{hash}{anchor})" if other else found[0]

        return MARKDOWN.sub(linked, text)

    def picture(self, path: str) -> str | None:
        file = ROOT / path
        if not file.is_file():
            return None
        kind = mimetypes.types_map.get(file.suffix, "application/octet-stream")
        return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"

    def source(self, file: str) -> dict:
        """The page of a source."""
        page = self.pages[file]
        recipe = recipe_of(file)
        chapter = self.pages.get(f"recipes/{recipe}/README.md")
        notes = [f"[{recipe}]({link(page, chapter)})"] if chapter else []
        if self.repository:
            notes.append(f"[in the repository]({self.repository}/blob/{BRANCH}/{file})")
        text = (ROOT / file).read_text(encoding="utf-8")
        picture = f"![{file}]({self.picture(file)})\n\n" if file.endswith(".svg") else ""
        language = LANGUAGES.get(pathlib.PurePath(file).suffix, "plaintext")
        # The empty span keeps mdBook from hiding lines that begin with `#`.
        code = f'<pre><code class="language-{language}"><span></span>{with_anchors(text)}</code></pre>'
        content = f"# {file}\n\n{' · '.join(notes)}\n\n{picture}{code}\n"
        return new_chapter(file.removeprefix(f"recipes/{recipe}/"), page, content, [])

    def all_sources(self, place: int) -> dict:
        """The part of the book with the sources: a page for each recipe that lists them, and below it each of them.

        The sidebar indents and folds by numbers, which start with `place`.
        """
        recipes = [file.split("/")[1] for file in self.pages if re.fullmatch(r"recipes/\w+/README\.md", file)]
        groups: dict[str, list[str]] = {recipe: [] for recipe in recipes}
        for file in sorted(self.sources):
            groups.setdefault(recipe_of(file) if recipe_of(file) in recipes else "workspace", []).append(file)
        part = new_chapter("Sources", SOURCES, "# Sources\n\nThe files that the chapters link to.\n\n", [place])
        for group, files in groups.items():
            if not files:
                continue
            number = [place, len(part["sub_items"]) + 1]
            page = f"sources/{group}.md"
            rows = (f"- [{file}]({link(page, self.pages[file])}){summary(file)}\n" for file in files)
            chapter = new_chapter(group, page, f"# {group}: sources\n\n{''.join(rows)}", number, ["Sources"])
            for below, file in enumerate(files, 1):
                source = self.source(file) | {"number": [*number, below], "parent_names": ["Sources", group]}
                chapter["sub_items"].append({"Chapter": source})
            part["content"] += f"- [{group}]({link(SOURCES, page)})\n"
            part["sub_items"].append({"Chapter": chapter})
        return part


def chapters(items: list):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item and item["Chapter"]["source_path"]:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def new_chapter(name: str, page: str, content: str, number: list[int], parents: list[str] = []) -> dict:
    return {
        "name": name, "content": content, "number": number, "sub_items": [],
        "path": page, "source_path": None, "parent_names": parents,
    }


def recipe_of(file: str) -> str:
    """The recipe of a file: recipes/gather/src/wait.rs, tests/gather.rs, tests/gather/wait.rs."""
    folder, _, rest = file.partition("/")
    return rest.split("/")[0].removesuffix(".rs") if folder in ("recipes", "tests") else ""


def summary(file: str) -> str:
    """The first sentence of a file's docs."""
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.search(r"^//! (.+(?:\n//! .+)*)" if file.endswith(".rs") else r'^"""(.+?)$', text, re.MULTILINE)
    if not found:
        return ""
    sentence = re.split(r"(?<=\.)\s", found[1].replace("\n//!", ""))[0].rstrip('"')
    return ": " + re.sub(r"\[([^\[\]]+)\](\([^()]*\))?", r"\1", sentence)


def with_anchors(text: str) -> str:
    """The text as HTML in which each function and type is found by its name, with the docs above it."""
    lines = text.splitlines()
    opened: dict[int, str] = {}
    closed, names = set(), set()
    for number, line in enumerate(lines):
        item = ITEM.match(line)
        if not item or item[1] in names:
            continue
        first = number
        while first > 0 and HEAD.match(lines[first - 1]):
            first -= 1
        if first in opened:
            continue
        names.add(item[1])
        opened[first] = item[1]
        closed.add(number)
    shown = []
    for number, line in enumerate(lines):
        begin = f'<span class="item" id="{opened[number]}">' if number in opened else ""
        shown.append(f"{begin}{html.escape(line, quote=False)}{'</span>' if number in closed else ''}\n")
    return "".join(shown)


def main() -> None:
    if sys.argv[1:2] == ["supports"]:
        sys.exit(0 if sys.argv[2:] == ["html"] else 1)
    context, whole = json.load(sys.stdin.buffer)
    book = Book(context, whole["items"])
    for chapter in book.chapters:
        file = chapter.pop("file")
        chapter["content"] = book.with_links(chapter["content"], file, chapter["path"])
        if book.repository:
            chapter["content"] += f"\n\n[Edit this page]({book.repository}/edit/{BRANCH}/{file})\n"
    numbered = sum(1 for item in whole["items"] if "Chapter" in item and item["Chapter"]["number"])
    whole["items"].append({"Chapter": book.all_sources(numbered + 1)})
    sys.stdout.buffer.write(json.dumps(whole).encode())


if __name__ == "__main__":
    main()
