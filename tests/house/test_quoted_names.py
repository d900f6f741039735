"""Names that docstrings and comments quote in backticks stand in the code: a rename takes its sentences along."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {
    path: path.read_text("utf-8")
    for folder in ("src", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "__pycache__" not in path.parts
}
QUOTED = re.compile(r"`([A-Za-z_][\w.]*?)(?:\(.*\))?`")
OF_OTHERS = {"tokenizers", "as_of"}  # a library, and a key of a data file


def known_names() -> set[str]:
    """Collect every identifier of the code, its files and folders, and the words of its short strings."""
    names: set[str] = set()
    for path, text in SOURCES.items():
        names.update((path.stem, *path.parts))
        for node in ast.walk(ast.parse(text)):
            for field in ("name", "id", "attr", "arg", "asname"):
                if isinstance(value := getattr(node, field, None), str):
                    names.update(value.split("."))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.endswith("."):
                names.update(re.findall(r"\w+", node.value) if "\n" not in node.value else ())
    return names


def sentences(text: str) -> Iterator[str]:
    """Yield docstrings and comments."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def last_part(quoted: str) -> str:
    parts = quoted.split(".")
    return parts[0] if parts[-1] in {"py", "md"} else parts[-1]


def test_a_quoted_name_stands_in_the_code():
    known = known_names() | OF_OTHERS
    stale = [
        f"{path.relative_to(ROOT)}: `{quoted}`"
        for path, text in SOURCES.items()
        if path.parts[len(ROOT.parts)] == "src"
        for sentence in sentences(text)
        for quoted in QUOTED.findall(sentence)
        if last_part(quoted) not in known
    ]
    assert stale == []
