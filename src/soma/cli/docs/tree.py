"""The tree of modules, from the first line of each: `make docs`."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import soma

START, END = "<!-- tree: make docs -->", "<!-- end of tree -->"
UNNAMED = {"__init__.py", "__main__.py"}
WIDTH = 34
GENERATED = "migrations"


def draw_tree() -> str:
    """Draw every module of the package with its purpose."""
    root = Path(soma.__path__[0])
    return "\n".join(["```", "src/soma/", *_folder(root, indent=1), "```"])


def _folder(folder: Path, *, indent: int) -> Iterator[str]:
    pad = "  " * indent
    for entry in sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name)):
        if entry.is_dir() and (entry / "__init__.py").exists() and entry.name != GENERATED:
            yield _line(f"{pad}{entry.name}/", purpose(entry / "__init__.py"))
            yield from _folder(entry, indent=indent + 1)
        elif entry.suffix == ".py" and entry.name not in UNNAMED:
            yield _line(f"{pad}{entry.name}", purpose(entry))


def _line(name: str, text: str) -> str:
    return f"{name:{WIDTH}}  {text}".rstrip()


def purpose(module: Path) -> str:
    """Return the first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".")


def with_tree(readme: str) -> str:
    """Return the text of `readme` with the current tree between its two marks."""
    before, _, rest = readme.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{draw_tree()}\n{END}{after}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_tree(page.read_text("utf-8")), "utf-8")
