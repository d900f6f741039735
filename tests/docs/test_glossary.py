"""The glossary defines each word once, and by classes that exist."""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
CELLS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in LINES if line.startswith("| ")]
ROWS = [(word, in_code) for word, _, in_code, _ in CELLS if word != "word"]
CLASS = re.compile(r"`([A-Z]\w+)(?:\.\w+)?`")


def test_a_word_is_defined_once():
    assert len(ROWS) > 50
    words = Counter(word.strip() for defined, _ in ROWS for word in defined.split(","))
    assert [word for word, count in words.items() if count > 1] == []


def test_the_classes_that_the_glossary_names_exist():
    trees = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "src").rglob("*.py"))
    classes = {node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    named = {name for _, in_code in ROWS for name in CLASS.findall(in_code)}
    assert named
    assert named - classes == set()
