"""What issue 2 asks of one real turn, a test a point."""

import json

import pytest
from tests.flow.product import LOCOMO, start

QUESTION = "When did Caroline go to the LGBTQ support group?"
EVIDENCE = "D1:3"  # LoCoMo's own label of the message that answers it


@pytest.mark.long
@pytest.mark.skipif(not LOCOMO.exists(), reason=f"no LoCoMo at {LOCOMO}")
def test_a_question_about_locomo_is_answered_from_the_right_message_and_cites_it(soma, person):
    imported = soma.run(
        "memory", "import", "--format", "locomo", str(LOCOMO), "--conversation", "0", "--json", token=person.token
    )
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout) == {"created": 419, "updated": 0, "unchanged": 0}
    said = soma.run("chat", QUESTION, token=person.token)
    assert said.returncode == 0, said.stderr
    assert "7 May 2023" in said.stdout
    assert EVIDENCE in said.stdout
    trace = json.loads(soma.run("trace", "--last", "--json", token=person.token).stdout)
    assert trace["citations"][0]["source"] == f"conv-26 {EVIDENCE}"
    _assert_complete(trace)


def _assert_complete(trace):
    """Everything that the acceptance asks a trace to show."""
    assert trace["exit_reason"] == trace["receipt"]["exit_reason"] is not None
    assert len(trace["iterations"]) == trace["total_iterations"] >= 1
    for iteration in trace["iterations"]:
        assert iteration["model_latency_ms"] > 0
        assert iteration["recalled"]["duration_ms"] > 0
        judged, learned = iteration["judged"], iteration["learned"]
        assert {"confidence", "success_factor", "tool_utility", "convergence_score"} <= judged.keys()
        assert learned["weights_before"].keys() == learned["weights_after"].keys() >= {"alpha", "nu", "session"}
        assert learned["neuromodulators_before"].keys() == learned["neuromodulators_after"].keys() >= {"dopamine"}
        for name, delta in learned["weight_deltas"].items():
            assert delta == learned["weights_after"][name] - learned["weights_before"][name]
    for memory in trace["iterations"][0]["recalled"]["memories"]:
        assert memory["parts"].keys() >= {"semantic", "graph", "temporal"}
        assert all(0 <= part <= 1 for part in memory["parts"].values())
    assert trace["receipt"]["latency_ms"] > 0
    assert [message["role"] for message in trace["messages"]] == ["user", "assistant"]


def test_arithmetic_runs_the_calculator_in_one_iteration_and_answers_in_the_next(person):
    turn = person.ask("what is 23*19 + 7?")
    assert "444" in turn["content"]
    calculated, answered = person.trace(turn["turn_id"])["iterations"]
    [use] = calculated["tools"]
    assert (use["tool"], use["arguments"]) == ("calculator", {"expression": "23*19 + 7"})
    assert use["verdict"]["allow"]
    assert use["verdict"]["rule"]
    assert use["verdict"]["policy_version"]
    assert (use["result"]["status"], use["result"]["content"]) == ("ok", "444")
    assert answered["tools"] == []
    assert "444" in answered["content"]


def test_what_was_told_is_known_after_a_restart(tmp_path):
    before = start(tmp_path)
    assert before.owner.ask("remember that my cat is called Miso")["exit_reason"] in {"converged", "final_answer"}
    before.stop()
    after = start(tmp_path)
    answer = after.owner.ask("what is my cat called?")
    after.stop()
    assert "Miso" in answer["content"]
    assert "Miso" in answer["citations"][0]["text"]
