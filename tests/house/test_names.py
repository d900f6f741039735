"""Names that a stranger understands: a class stands in one module, a function is a verb, a folder is not too full.

What does not keep a rule yet stands in the text file of that rule, a line each. The files only shrink: a test fails for
a new entry, and for one that is no longer true.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SOMA = Path(__file__).parents[2] / "src" / "soma"
# A request or an answer is called as what it stands for: these modules hold little else.
SHAPES = ("agent/api/", "brain/api/", "brain/wire/", "brain/bodies.py", "brain/document_bodies.py")
IRREGULAR = re.compile(
    "begun|built|drawn|felt|found|given|grown|held|kept|known|lost|made|met|said|sent|shown|taken|told|won|written"
)
NOT_PARTICIPLES = re.compile("embed|exceed|feed|heed|need|proceed|seed|shed|speed|succeed")
MOST_MODULES = 20

MODULES = {
    path.relative_to(SOMA).as_posix(): ast.parse(path.read_text("utf-8"))
    for path in sorted(SOMA.rglob("*.py"))
    if "migrations" not in path.parts
}


def assert_only_listed(found: set[str], list_name: str) -> None:
    listed = Path(__file__).with_name(list_name).read_text("utf-8").splitlines()
    assert listed == sorted(set(listed)), f"{list_name} is not sorted"
    assert not found - set(listed), "these are new: find better names"
    assert not set(listed) - found, f"these are mended: strike them from {list_name}"


def is_participle(name: str) -> bool:
    word = name.strip("_")
    if NOT_PARTICIPLES.fullmatch(word):
        return False
    return bool(IRREGULAR.fullmatch(word) or re.fullmatch("[a-z]+ed", word))


def participles() -> Iterator[str]:
    """Yield `package function` for each function named by a bare participle; `brain.core` may speak of x -> x'."""
    for path, tree in MODULES.items():
        if path.startswith("brain/core/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_participle(node.name):
                yield f"{path.split('/')[0]} {node.name}"


def test_a_class_name_stands_in_one_module():
    modules = Counter(
        node.name
        for path, tree in MODULES.items()
        if not path.startswith(SHAPES)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert_only_listed({name for name, count in modules.items() if count > 1}, "class_names_in_two_modules.txt")


def test_no_function_is_named_by_a_bare_participle():
    assert_only_listed(set(participles()), "participles.txt")


def test_no_folder_is_too_full():
    folders = Counter(path.rpartition("/")[0] for path in MODULES)
    assert_only_listed({folder for folder, count in folders.items() if count > MOST_MODULES}, "full_folders.txt")


def test_a_participle_is_told_from_a_verb():
    assert all(map(is_participle, ("told", "_kept", "masked", "checked_")))
    assert not any(map(is_participle, ("feed", "is_masked", "tell", "_need", "masked_row")))
