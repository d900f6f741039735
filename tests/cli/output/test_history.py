"""The story of a weight in words: the numbers by which it moved, so that a person can work the move out again."""

from typing import Any

from soma.cli.output.history import explain, step_of

EVIDENCE: dict[str, Any] = {
    "version": 3,
    "at": "2026-11-20T16:34:19.767969+00:00",
    "event_id": "e1",
    "turn_id": "t1",
    "cause": "feedback",
    "kind": "Evidence",
    "reason": "what helped, against what was shown beside it",
    "credit": 1.0,
    "learning_rate": 0.05,
    "learning_factor": 1.0,
    "evidence_step": 0.8,
    "curvature_start": 2.0,
    "signals": {"alpha": 0.05},
    "curvatures": {"alpha": 0.5},
    "shape_moves": {},
    "reward": None,
    "features": {},
    "guarded": False,
    "clipped": [],
    "learned_deltas": {"alpha": 0.016},
    "weight_deltas": {"alpha": 0.008, "tau": 0.002},
    "weights": {"alpha": 1.008, "tau": 0.702, "mu": 0.1},
    "trust_before": 0.5,
    "trust": 0.5012,
}


def test_evidence_names_slope_curvature_factor_and_the_step_of_them():
    assert step_of(EVIDENCE, "alpha") == 0.8 * 1.0 * 0.05 / (2.0 + 0.5)
    assert explain(EVIDENCE, "alpha") == [
        "version 3, 2026-11-20 16:34:19, feedback: memories that helped",
        "what helped, against what was shown beside it [turn t1]",
        "learned +0.0160 = step size 0.8 x rate factor 1.0000 x slope +0.0500 / curvature (2 + 0.5000)",
        "in use  +0.0080, now 1.0080, trust 0.5000 -> 0.5012",
    ]


def test_what_kept_a_weight_from_the_whole_step_is_said():
    assert explain(EVIDENCE | {"learned_deltas": {"alpha": 0.01}}, "alpha")[2].endswith("0.5000), held at its bound")
    cut = explain(EVIDENCE | {"clipped": ["alpha", "serotonin"], "credit": 0.3, "turn_id": None}, "alpha")
    assert cut[0].endswith("memories that helped, credit 0.3")
    assert cut[1].endswith("beside it, alpha clipped [event e1]")
    guarded = explain(EVIDENCE | {"guarded": True}, "alpha")
    assert guarded[2] == "learned +0.0160 by the guard, which restored the last good weights"


def test_an_answer_names_the_reward_and_what_it_was_regressed_on():
    answer = EVIDENCE | {"kind": "Answer", "signals": {}, "curvatures": {}, "reward": -0.5}
    answer |= {
        "features": {"gain": 0.3, "cost": -0.25},
        "learned_deltas": {"mu": 0.002},
        "weight_deltas": {"mu": 0.002},
    }
    assert explain(answer, "mu")[2:] == [
        "learned +0.0020 by regression of reward -0.5000 on gain +0.3000, cost -0.2500",
        "in use  +0.0020, now 0.1000",
    ]


def test_the_other_rules_are_called_by_their_names():
    assert explain(EVIDENCE | {"learned_deltas": {"tau": 0.002}}, "tau")[2].endswith(
        "by the diversity of what was shown"
    )
    literal = explain(EVIDENCE | {"signals": {}, "curvatures": {}}, "alpha")
    assert literal[2] == "learned +0.0160 by the literal rule, learning rate 0.0500"
    rollback = explain(EVIDENCE | {"kind": "Restore", "signals": {}}, "alpha")
    assert rollback[2] == "learned +0.0160 as recorded"


def test_what_the_kind_of_data_moved_is_said_beside_the_step():
    told = explain(EVIDENCE | {"shape_moves": {"alpha": -0.004}, "learned_deltas": {"alpha": 0.012}}, "alpha")
    assert told[2].startswith("learned +0.0160 = step size")
    assert told[3] == "shapes  -0.0040, as the kind of data became clearer"
