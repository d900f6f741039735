"""Signs that a stranger understands: names of classes, functions and folders, and the first word of a docstring."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

SOMA = Path(__file__).parents[2] / "src" / "soma"
# A request or an answer is called as what it stands for: these modules hold little else.
SHAPES = ("agent/api/", "brain/wire/")
IRREGULAR = re.compile(
    "begun|built|drawn|felt|found|given|grown|held|kept|known|lost|made|met|said|sent|shown|taken|told|won|written"
)
NOT_PARTICIPLES = re.compile("embed|exceed|feed|heed|need|proceed|seed|shed|speed|succeed")
OPENING = re.compile(
    r"(Of|By|To|For|From|With|Without|Under|Also|As|Beside|Whose|Whether|What|Who|Where|When|How|Why|Which)\b"
)
MOST_MODULES = 20


@lru_cache
def modules() -> dict[str, ast.Module]:
    """Parse every module; not at import, which each worker of a test run does."""
    return {
        path.relative_to(SOMA).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(SOMA.rglob("*.py"))
        if "migrations" not in path.parts
    }


def is_participle(name: str) -> bool:
    word = name.strip("_")
    if NOT_PARTICIPLES.fullmatch(word):
        return False
    return bool(IRREGULAR.fullmatch(word) or re.fullmatch("[a-z]+ed", word))


def named_places(*kinds: type[ast.AST]) -> Iterator[tuple[str, Any]]:
    """Yield each node of these kinds with its module and line."""
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield f"{path}:{getattr(node, 'lineno', 1)}", node


def test_a_class_name_stands_in_one_module():
    names = Counter(
        node.name
        for path, tree in modules().items()
        if not path.startswith(SHAPES)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_function_is_named_by_a_bare_participle():
    """Functions are verbs; only in `brain.core`, where x -> x' is the whole meaning, may one be a participle."""
    functions = named_places(ast.FunctionDef, ast.AsyncFunctionDef)
    found = [f"{place} {node.name}" for place, node in functions if is_participle(node.name)]
    assert [place for place in found if not place.startswith("brain/core/")] == []


def test_no_folder_is_too_full():
    folders = Counter(path.rpartition("/")[0] for path in modules())
    assert [folder for folder, count in folders.items() if count > MOST_MODULES] == []


def test_a_docstring_begins_with_a_verb_or_a_noun():
    nodes = named_places(ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [(place, ast.get_docstring(node) or "") for place, node in nodes]
    assert [place for place, text in texts if OPENING.match(text)] == []


def test_a_participle_is_told_from_a_verb():
    assert all(map(is_participle, ("told", "_kept", "masked", "checked_")))
    assert not any(map(is_participle, ("feed", "is_masked", "tell", "_need", "masked_row")))
