"""`soma bench recall` on two small sets of our own, by the real memory: what it prints, and when it asks."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from soma.bench.candidates.gather import gather
from soma.bench.data.sets import find_sets, read_set
from soma.cli.commands.bench import command as bench
from soma.memory.embedders.minilm import MiniLM

PETS = ("cat Miso", "dog Rex", "hen Gerda", "goat Ziva", "fish Otto", "mule Pia")


def write_set(folder: Path, collections: int, **fields: object) -> None:
    """Each pet lives somewhere, and moves a month later; asked is where it lives."""
    folder.mkdir(parents=True)
    items, questions = [], []
    for name in (f"c{number}" for number in range(collections)):
        for number, pet in enumerate(PETS):
            for month, place in ((1, "barn"), (2, "house")):
                text = f"The {pet} lives in the {place} number {number}."
                at = f"2024-0{month}-01T00:00:00+00:00"
                items.append({"collection": name, "key": f"{number}/{month}", "text": text, "occurred_at": at} | fields)
            asked = {"collection": name, "text": f"Where does the {pet} live?", "gold": [f"{number}/2"], "kind": "pet"}
            questions.append(asked)
    for file, rows in (("items.jsonl", items), ("questions.jsonl", questions)):
        (folder / file).write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_set(folder / "chats", 2, role="user", conversation="c")
    write_set(folder / "facts", 1)
    return folder


def test_every_set_is_printed_beside_the_plan_and_with_itself_left_out(data, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = CliRunner().invoke(bench, ["recall", "--data", str(data), "--without", "newest", "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    for name in ("chats", "facts"):
        for way in ("shipped", "plan", "semantic", "left_out", "fitted_loo"):
            for figure in ("r5", "r10", "hit1", "mrr"):
                assert 0 <= told[f"recall.{name}.{way}.{figure}"] <= 1
        assert told[f"recall.{name}.shipped.r10"] == 1.0
        assert told[f"recall.{name}.floor.after.tokens"] <= told[f"recall.{name}.floor.before.tokens"]
        assert -1 <= told[f"recall.{name}.without.newest.hit1"] <= 1
    assert told["recall.prior.semantic"] == 1.0


def test_an_unknown_set_is_named_with_those_that_are_there(data):
    ran = CliRunner().invoke(bench, ["recall", "--data", str(data), "--set", "novels"])
    assert ran.exit_code == 2
    assert "novels" in ran.output
    assert "chats" in ran.output


def test_a_question_in_the_middle_finds_only_what_was_said_by_then(tmp_path):
    write_set(tmp_path / "one", 1)
    file = tmp_path / "one" / "questions.jsonl"
    asked = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text(json.dumps(asked[5]) + "\n" + json.dumps(asked[0] | {"known": 3}))
    [collection] = read_set(find_sets(tmp_path)["one"])
    found = asyncio.run(gather([collection], MiniLM())).found
    assert [len(one) for one in found] == [3, 12], "the question of the middle comes first"
    assert {hit.key for hit in found[0]} == {"0/1", "0/2", "1/1"}


def test_a_question_is_asked_on_its_own_date(tmp_path):
    write_set(tmp_path / "one", 1)
    file = tmp_path / "one" / "questions.jsonl"
    first = json.loads(file.read_text().splitlines()[0]) | {"text": "Who moved yesterday?"}
    for day, expected in (("2024-02-02", {2}), ("2024-01-02", {1})):
        file.write_text(json.dumps(first | {"asked_at": f"{day}T00:00:00+00:00"}))
        [found] = asyncio.run(gather(read_set(tmp_path / "one"), MiniLM())).found
        best = max(hit.views["date"] for hit in found)
        assert {int(hit.key[-1]) for hit in found if hit.views["date"] == best} == expected
