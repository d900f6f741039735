"""What a person sees of learning: the commands as processes, against a running server that has learned."""

import json
import re
import signal
import subprocess
from xml.etree import ElementTree as ET

import pytest
from tests.flow.product import Product, environment, start
from tests.flow.terminal import SOMA

pytestmark = [pytest.mark.e2e, pytest.mark.learning]

FACTS = [
    "Caroline went to the support group on 7 May.",
    "Melanie painted a sunrise over the lake last year.",
    "The train to Bern leaves at nine from platform four.",
    "Melanie ran a charity race for mental health.",
]


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    product = start(tmp_path_factory.mktemp("soma"))
    product.owner.remember(*FACTS)
    for question in ("What did Melanie paint?", "When does the train to Bern leave?", "What did Melanie do?"):
        assert product.run("chat", question).returncode == 0
        given = product.run("feedback", "--up", "--helpful", "1", "--json")
        assert json.loads(given.stdout)["accepted"], given.stderr
    yield product
    product.stop()


def said(product: Product, *arguments: str) -> str:
    done = product.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_history_names_event_signal_rate_and_what_moved(taught):
    shown = said(taught, "weights", "--history")
    assert "feedback: memories that helped" in shown
    assert re.search(r"reward \+1\.00, rate 0\.\d{3}, trust 0\.\d\d\n +lambda \+0\.\d{4}", shown)
    history = json.loads(said(taught, "weights", "--history", "3", "--json"))
    assert [update["version"] for update in history["updates"]][-1] == history["newest_version"]
    assert len(history["updates"]) == 3


def test_why_tells_the_story_of_one_weight_to_its_present_value(taught):
    state = json.loads(said(taught, "weights", "--json"))
    story = said(taught, "weights", "--why", "semantic")
    assert f"now {state['weights']['alpha']:.4f}" in story.splitlines()[-1]
    assert max(map(len, story.splitlines())) <= 100
    worth = said(taught, "weights", "--why", "lambda")
    assert re.search(r"learned \+0\.\d{4} by regression of reward \+1\.0000 on gain [+-]0\.\d{4}, latency -0\.", worth)
    assert "nothing has moved" in said(taught, "weights", "--why", "mu")
    wrong = taught.run("weights", "--why", "omega")
    assert (wrong.returncode, "there is no weight 'omega'" in wrong.stderr) == (1, True)


def test_a_move_can_be_worked_out_again_from_what_is_said_and_from_the_json(taught):
    line = r"learned (\S+) = step size (\S+) x rate factor (\S+) x slope (\S+) / curvature \((\S+) \+ (\S+)\)"
    moves = [
        [float(number) for number in found] for found in re.findall(line, said(taught, "weights", "--why", "alpha"))
    ]
    assert len(moves) >= 2
    for learned, step, factor, slope, unknown, curvature in moves:
        assert step * factor * slope / (unknown + curvature) == pytest.approx(learned, abs=0.0001)
    for update in json.loads(said(taught, "weights", "--why", "alpha", "--json"))["moved_by"]:
        known = update["curvature_start"] + update["curvatures"]["alpha"]
        move = update["evidence_step"] * update["learning_factor"] * update["signals"]["alpha"] / known
        assert update["learned_deltas"]["alpha"] - update["shape_moves"]["alpha"] == pytest.approx(move, rel=1e-9)


def test_the_plot_is_an_image_of_every_weight(taught, tmp_path):
    file = tmp_path / "weights.svg"
    assert "drawn into" in said(taught, "weights", "--plot", str(file))
    root = ET.fromstring(file.read_text())  # noqa: S314 - we have just written it
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"alpha", "beta", "gamma", "tau", "lambda", "mu", "nu", "trust"} <= set(texts)
    dots = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert any("feedback: memories that helped" in (dot[0].text or "") for dot in dots if len(dot))
    assert all(0 <= float(dot.get("cx", -1)) <= width and 0 <= float(dot.get("cy", -1)) <= height for dot in dots)


def test_the_preview_sets_both_rankings_side_by_side(taught):
    found = json.loads(said(taught, "weights", "--preview", "What did Melanie do?", "--json"))
    assert found["memories"]
    assert found["weights"]["value"] != found["other_weights"]["value"]
    assert set(found["only"]) == {m["id"] for m in found["memories"]} - {m["id"] for m in found["other_memories"]}
    assert "with what was learned" in said(taught, "weights", "--preview", "What did Melanie do?")


def test_what_is_watched_as_json_is_an_object_a_line(taught):
    watching = subprocess.Popen(
        [SOMA, "weights", "--watch", "--json"], env=environment(taught.data_dir), stdout=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    with watching.stdout as lines:
        updates = [json.loads(lines.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
    watching.wait(20)  # what it has yet to say may be more than a pipe holds, and nobody reads it
    assert updates[0]["version"] + 1 == updates[1]["version"]


def test_ways_of_looking_exclude_each_other(taught):
    refused = taught.run("weights", "--why", "alpha", "--preview", "x")
    assert (refused.returncode, "exclude each other" in refused.stderr) == (1, True)


def test_a_rollback_asks_shows_and_is_undone_by_another(taught):
    before = json.loads(said(taught, "weights", "--json"))
    asked = taught.run("rollback", "--version", "0")
    assert asked.returncode != 0
    assert json.loads(said(taught, "weights", "--json"))["version"] == before["version"]
    shown = said(taught, "rollback", "--version", "0", "--yes")
    assert f"back at version 0; this rollback is version {before['version'] + 1}" in shown
    assert re.search(r"alpha +\d\.\d{4} +1\.0000 +[+-]0\.\d{4}", shown)
    back = json.loads(said(taught, "rollback", "--version", str(before["version"]), "--yes", "--json"))
    assert back["weights_after"] == before["weights"]
    assert taught.run("rollback").returncode == 1


def test_a_rollback_goes_to_where_a_turn_left_the_learner(taught):
    turn = json.loads(taught.run("trace", "--last", "--json").stdout)
    back = json.loads(said(taught, "rollback", "--turn", turn["turn_id"], "--yes", "--json"))
    assert back["weights_after"] == pytest.approx(turn["iterations"][-1]["learned"]["weights_after"])


def test_an_experiment_from_the_command_line(taught):
    assert "alpha +0.2" in said(taught, "experiments", "create", "exp_retrieval_alpha_vs_tau")
    made = said(
        taught, "experiments", "create", "mine", "--b", "gamma", "0.1", "--metric", "recorded", "--planned", "2"
    )
    assert "mine running" in made
    subjects = iter(range(100))
    arms = {"a": 0, "b": 0}
    while min(arms.values()) < 2:
        number = next(subjects)
        said(taught, "experiments", "record", "mine", f"s{number}", str(-(number % 2)), "--key", f"k{number}")
        shown = json.loads(said(taught, "experiments", "show", "mine", "--json"))
        arms = {name: arm["n"] for name, arm in shown["verdict"]["arms"].items()}
    decided = json.loads(said(taught, "experiments", "decide", "mine", "--json"))
    assert decided["status"] in {"kept", "promoted"}
    early = taught.run("experiments", "decide", "exp_retrieval_alpha_vs_tau")
    assert (early.returncode, "too_early" in early.stderr) == (1, True)
    assert "stopped" in said(taught, "experiments", "decide", "exp_retrieval_alpha_vs_tau", "--stop")
    names = [one["name"] for one in json.loads(said(taught, "experiments", "list", "--json"))]
    assert names == ["mine", "exp_retrieval_alpha_vs_tau"]


def test_experiments_are_an_owners_to_make_and_a_members_to_see(taught):
    member = taught.member("ann")
    made = member.http.post("/experiments", json={"name": "exp_retrieval_alpha_vs_tau"})
    assert (made.status_code, set(made.json()) >= {"code", "message", "request_id"}) == (403, True)
    assert member.get("/experiments")["experiments"]
    updates = member.get("/learning/history")["updates"]
    assert all(update["user_id"] is None and update["turn_id"] is None for update in updates)
    for bad in ({"limit": 0}, {"after": -1}, {"limit": 501}):
        refused = member.http.get("/learning/history", params=bad)
        assert (refused.status_code, refused.json()["field"]) == (422, next(iter(bad)))


def test_a_history_that_begins_at_a_checkpoint_says_so():
    from soma.cli.output.history import text_of_beginning

    history = {"start_version": 27, "oldest_version": 27, "oldest_at": "2026-08-01T10:00:00+00:00"}
    assert text_of_beginning(history).startswith("begins at the signed checkpoint of 2026-08-01, version 27")
    assert text_of_beginning(history | {"start_version": 40}) == ""
    assert text_of_beginning({"start_version": 0, "oldest_version": 0, "oldest_at": None}) == ""


def test_a_thumb_is_said_once_and_a_changed_mind_each_time(taught):
    assert taught.run("chat", "What did Melanie run?").returncode == 0
    again = "already recorded: nothing was recorded again\n"
    heard = [said(taught, "feedback", thumb) for thumb in ("--up", "--up", "--down", "--up", "--up", "--down")]
    assert [line == again for line in heard] == [False, True, False, False, True, False]
    keyed = [said(taught, "feedback", "--down", "--key", "after a rollback") for _ in range(2)]
    assert [line == again for line in keyed] == [True, True], "a key makes no other word of it"
    said(taught, "rollback", "--version", "0", "--yes")
    keyed = [said(taught, "feedback", "--down", "--key", f"rolled back {number}") for number in range(2)]
    assert [line == again for line in keyed] == [False, True]


def test_an_answer_is_withdrawn_once_and_what_verdicts_on_it_taught_is_left_out(taught):
    assert taught.run("chat", "What does the train to Bern cost?").returncode == 0
    before = json.loads(said(taught, "weights", "--json"))
    given = json.loads(said(taught, "feedback", "--down", "--json"))
    assert given["weight_deltas"]["lambda"] != 0.0
    shown = said(taught, "feedback", "--withdraw")
    assert f"is withdrawn; what it taught in version {given['version']} is undone\n  lambda" in shown
    assert json.loads(said(taught, "weights", "--json"))["weights"] == before["weights"]
    turn = json.loads(said(taught, "trace", "--last", "--json"))["turn_id"]
    again = json.loads(said(taught, "feedback", turn, "--withdraw", "--json"))
    assert (again["status"], again["turn_id"]) == ("duplicate", turn)
    assert f"turn {turn} was withdrawn before: nothing was changed" in said(taught, "feedback", "--withdraw")
    assert "no weight moved (reward_voided)" in said(taught, "feedback", "--up")


def test_an_answer_that_nobody_judged_is_withdrawn_too(taught):
    assert taught.run("chat", "Who painted a sunrise?").returncode == 0
    assert "is withdrawn; no feedback on it had taught anything\n" in said(taught, "feedback", "--withdraw")
