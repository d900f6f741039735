"""soma feedback: what a person says of an answer."""

from typing import Any

import click

from soma.cli.server import as_json_option, connected, console, fail, show_json
from soma.cli.showing import SMALLEST, in_order


@click.command()
@click.argument("turn_id", required=False)
@click.option("--up", is_flag=True, help="It was good.")
@click.option("--down", is_flag=True, help="It was not.")
@click.option("--rating", type=click.IntRange(1, 5), help="1 to 5.")
@click.option("--helpful", type=int, multiple=True, help="Number of a recalled memory that helped (see `soma trace`).")
@click.option("--unhelpful", type=int, multiple=True, help="Number of one that did not.")
@as_json_option
def command(
    turn_id: str | None,
    *,
    up: bool,
    down: bool,
    rating: int | None,
    helpful: tuple[int, ...],
    unhelpful: tuple[int, ...],
    as_json: bool,
) -> None:
    """Give feedback on TURN_ID, or on your newest turn."""
    if up + down + (rating is not None) > 1:
        fail("say either --up, --down or --rating")
    if both := set(helpful) & set(unhelpful):
        fail(f"memory {min(both)} cannot be both helpful and unhelpful")
    if not (up or down or rating or helpful or unhelpful):
        fail("say how it was: --up, --down, --rating, --helpful or --unhelpful")
    with connected() as server:
        trace = server.get(f"/trace/{turn_id or 'last'}")
        shown = _shown(trace)
        body = {
            "turn_id": trace["turn_id"],
            "thumb": 1 if up else -1 if down else None,
            "rating": rating,
            "helpful": [_id_of(shown, number) for number in helpful],
            "unhelpful": [_id_of(shown, number) for number in unhelpful],
        }
        answer = server.post("/feedback", body)
    if as_json:
        show_json(answer)
        return
    _told(answer)


def _told(answer: dict[str, Any]) -> None:
    if answer["status"] == "duplicate":
        console.print("you said so before: nothing was recorded again")
        return
    moved = {name: delta for name, delta in answer["weight_deltas"].items() if abs(delta) >= SMALLEST}
    reason = f" ({answer['reason']})" if answer.get("reason") else ""
    console.print(f"recorded; {'weights moved' if answer['adaptation_applied'] else 'no weight moved'}{reason}")
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
