"""soma feedback: what a person says of an answer, and taking one back."""

from typing import Any

import click

from soma.cli.output.formatting import SMALLEST, in_order
from soma.cli.server import as_json_option, connected, console, fail, show_json


@click.command()
@click.argument("turn_id", required=False)
@click.option("--up", is_flag=True, help="It was good.")
@click.option("--down", is_flag=True, help="It was not.")
@click.option("--rating", type=click.IntRange(1, 5), help="1 to 5.")
@click.option("--helpful", type=int, multiple=True, help="Number of a recalled memory that helped (see `soma trace`).")
@click.option("--unhelpful", type=int, multiple=True, help="Number of one that did not.")
@click.option("--correct", metavar="TEXT", help="What is right: remembered, and first when you ask again.")
@click.option("--withdraw", is_flag=True, help="Take the answer back: what verdicts on it taught is left out.")
@click.option("--key", help="Learned once under this key; after a rollback another key says the same again.")
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
    withdraw: bool,
    key: str | None,
    as_json: bool,
) -> None:
    """Give feedback on TURN_ID, or on your newest turn.

    A withdrawn answer no longer stands: what thumbs and ratings of it had taught is left out, as one more update, and
    what is said of it later is recorded and not learned from. What --helpful and --unhelpful had taught stays; `soma
    rollback` undoes it. What you typed as right stays a memory, and comes first no longer.
    """
    if up + down + (rating is not None) > 1:
        fail("say either --up, --down or --rating")
    if both := set(helpful) & set(unhelpful):
        fail(f"memory {min(both)} cannot be both helpful and unhelpful")
    if correct is not None and up:
        fail("--correct says that the answer was wrong: leave out --up")
    said = up or down or rating or helpful or unhelpful or correct is not None
    if withdraw and said:
        fail("--withdraw takes the answer back: say nothing else of it")
    if not (withdraw or said):
        fail("say how it was: --up, --down, --rating, --helpful, --unhelpful or --correct; or take it back: --withdraw")
    if withdraw:
        _withdraw(turn_id, as_json=as_json)
        return
    with connected() as server:
        trace = server.get(f"/trace/{turn_id or 'last'}")
        shown = _shown(trace)
        body = {
            "turn_id": trace["turn_id"],
            "thumb": 1 if up else -1 if down else None,
            "rating": rating,
            "helpful": [_id_of(shown, number) for number in helpful],
            "unhelpful": [_id_of(shown, number) for number in unhelpful],
            "correction": correct,
            "idempotency_key": key,
        }
        answer = server.post("/feedback", body)
    if as_json:
        show_json(answer)
        return
    _told(answer)


STANDS = "you said so before: nothing was recorded again"
REPEATED = {
    "daily_bound": "you said so before, and it was not learned: you have taught enough today; say it again tomorrow",
    "taken_back": "you said so before, and it was taken back since: nothing was learned again (teach anew with --key)",
}


def _told(answer: dict[str, Any]) -> None:
    if answer["status"] == "duplicate":
        console.print(REPEATED.get(answer.get("reason") or "", STANDS), soft_wrap=True)
        return
    reason = f" ({answer['reason']})" if answer.get("reason") else ""
    console.print(f"recorded; {'weights moved' if answer['adaptation_applied'] else 'no weight moved'}{reason}")
    _moved(answer["weight_deltas"])
    if answer["memory_id"]:
        order = "" if answer["voided"] else ", and comes first when you ask this again"
        console.print(f"the correction is remembered{order}", soft_wrap=True)


def _withdraw(turn_id: str | None, *, as_json: bool) -> None:
    with connected() as server:
        turn = server.get(f"/trace/{turn_id or 'last'}")["turn_id"]
        answer = server.post(f"/chat/turns/{turn}/withdraw", {})
    if as_json:
        show_json(answer)
        return
    if answer["status"] == "duplicate":
        console.print(f"the answer of turn {turn} was withdrawn before: nothing was changed", soft_wrap=True)
        return
    left_out = ", ".join(map(str, answer["versions"]))
    taught = f"left out is what it taught in version {left_out}" if left_out else "no verdict on it had taught anything"
    console.print(f"the answer of turn {turn} is withdrawn; {taught}", soft_wrap=True)
    _moved(answer["weight_deltas"])


def _moved(deltas: dict[str, float]) -> None:
    moved = {name: delta for name, delta in deltas.items() if abs(delta) >= SMALLEST}
    for name in in_order(moved):
        console.print(f"  {name:12} {moved[name]:+.4f}")


def _shown(trace: dict[str, Any]) -> list[str]:
    answered = trace["answer_iteration"]
    if answered is None:
        fail("the turn has no answer to give feedback on")
    return [memory["id"] for memory in trace["iterations"][answered]["recalled"]["memories"]]


def _id_of(shown: list[str], number: int) -> str:
    if not 0 < number <= len(shown):
        fail(f"there is no memory {number}: the answer was shown {len(shown)}")
    return shown[number - 1]
