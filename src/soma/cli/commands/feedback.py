"""soma feedback: say how an answer was, correct it, or withdraw it."""

from typing import Any

import click

from soma.cli.output.formatting import SMALLEST, sort_names
from soma.cli.server import as_json_option, connect, console, fail, show_json


@click.command()
@click.argument("turn_id", required=False)
@click.option("--up", is_flag=True, help="The answer was good.")
@click.option("--down", is_flag=True, help="The answer was not good.")
@click.option("--rating", type=click.IntRange(1, 5), help="1 to 5.")
@click.option("--helpful", type=int, multiple=True, help="Number of a recalled memory that helped (see `soma trace`).")
@click.option("--unhelpful", type=int, multiple=True, help="Number of one that did not.")
@click.option("--correct", metavar="TEXT", help="The right answer: remembered, and first when you ask again.")
@click.option("--copied", metavar="TEXT", help="A passage of the answer that you copied; it counts less than feedback.")
@click.option("--withdraw", is_flag=True, help="Withdraw the answer: what feedback on it taught is undone.")
@click.option(
    "--key", help="Idempotency key: learned once under it; after a rollback, use another key to teach the same again."
)
@as_json_option
def command(
    turn_id: str | None,
    *,
    up: bool,
    down: bool,
    rating: int | None,
    helpful: tuple[int, ...],
    unhelpful: tuple[int, ...],
    correct: str | None,
    copied: str | None,
    withdraw: bool,
    key: str | None,
    as_json: bool,
) -> None:
    """Give feedback on TURN_ID, or on your newest turn.

    When an answer is withdrawn, what thumbs and ratings of it taught is undone by one more update, and later feedback
    on it is recorded but not learned from. What --helpful and --unhelpful taught stays; `soma rollback` undoes it. A
    correction stays a memory, but no longer comes first.
    """
    if up + down + (rating is not None) > 1:
        fail("--up, --down and --rating exclude each other")
    if both := set(helpful) & set(unhelpful):
        fail(f"memory {min(both)} cannot be both helpful and unhelpful")
    if correct is not None and up:
        fail("--correct says that the answer was wrong: --up contradicts it")
    has_feedback = up or down or rating or helpful or unhelpful or correct is not None
    if withdraw and has_feedback:
        fail("--withdraw excludes every other feedback")
    if copied is not None and (withdraw or has_feedback):
        fail("--copied excludes feedback and --withdraw")
    if not (withdraw or has_feedback or copied is not None):
        fail(
            "say how the answer was with --up, --down, --rating, --helpful, --unhelpful or --correct; "
            "or withdraw it with --withdraw"
        )
    if withdraw:
        _withdraw(turn_id, as_json=as_json)
        return
    with connect() as server:
        trace = server.get(f"/trace/{turn_id or 'last'}")
        shown = _shown_memories(trace)
        body = {
            "turn_id": trace["turn_id"],
            "thumb": 1 if up else -1 if down else None,
            "rating": rating,
            "helpful": [_id_of(shown, number) for number in helpful],
            "unhelpful": [_id_of(shown, number) for number in unhelpful],
            "correction": correct,
            "copied": copied,
            "idempotency_key": key,
        }
        answer = server.post("/feedback", body)
    if as_json:
        show_json(answer)
        return
    _show_result(answer)


HELD_OUT = "one question in four only measures what was learned, and this is one: no weight learns from it"
ALREADY_RECORDED = "already recorded: nothing was recorded again"
REPEATED = {
    "daily_bound": "already recorded but not learned, because of the daily limit; repeat it tomorrow",
    "taken_back": "already recorded and undone since: nothing was learned again (use --key to teach it anew)",
}


def _show_result(answer: dict[str, Any]) -> None:
    if answer["status"] == "duplicate":
        console.print(REPEATED.get(answer.get("reason") or "", ALREADY_RECORDED), soft_wrap=True)
        return
    if answer["status"] == "skipped":
        console.print(f"nothing was learned ({answer['reason']})")
        return
    reason = f" ({answer['reason']})" if answer.get("reason") else ""
    has_moved = any(abs(delta) >= SMALLEST for delta in answer["weight_deltas"].values())
    console.print(f"recorded; {'weights moved' if has_moved else 'no weight moved'}{reason}")
    _show_moves(answer["weight_deltas"])
    if answer["held_out"]:
        console.print(HELD_OUT, soft_wrap=True)
    if answer["memory_id"]:
        order = "" if answer["voided"] else ", and comes first when you ask this again"
        console.print(f"the correction is remembered{order}", soft_wrap=True)


def _withdraw(turn_id: str | None, *, as_json: bool) -> None:
    with connect() as server:
        turn = server.get(f"/trace/{turn_id or 'last'}")["turn_id"]
        answer = server.post(f"/chat/turns/{turn}/withdraw", {})
    if as_json:
        show_json(answer)
        return
    if answer["status"] == "duplicate":
        console.print(f"the answer of turn {turn} was withdrawn before: nothing was changed", soft_wrap=True)
        return
    left_out = ", ".join(map(str, answer["versions"]))
    taught = f"what it taught in version {left_out} is undone" if left_out else "no feedback on it had taught anything"
    console.print(f"the answer of turn {turn} is withdrawn; {taught}", soft_wrap=True)
    _show_moves(answer["weight_deltas"])


def _show_moves(deltas: dict[str, float]) -> None:
    moved = {name: delta for name, delta in deltas.items() if abs(delta) >= SMALLEST}
    for name in sort_names(moved):
        console.print(f"  {name:12} {moved[name]:+.4f}")


def _shown_memories(trace: dict[str, Any]) -> list[str]:
    answered = trace["answer_iteration"]
    if answered is None:
        fail("the turn has no answer to give feedback on")
    return [memory["id"] for memory in trace["iterations"][answered]["recalled"]["memories"]]


def _id_of(shown: list[str], number: int) -> str:
    if not 0 < number <= len(shown):
        fail(f"there is no memory {number}: the answer was shown {len(shown)}")
    return shown[number - 1]
