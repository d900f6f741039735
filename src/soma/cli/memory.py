"""soma memory: bring memories in, look at them, take them out."""

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from soma.cli.importing import FORMATS, Item, NotImportable, read_items
from soma.cli.server import as_json_option, connected, console, errors, fail, show_json
from soma.cli.showing import excerpt, parts_of

BATCH = 20  # a second or two of embedding on a slow machine
TRIES = 4


@click.group()
def command() -> None:
    """Import, list, search and forget memories."""


@command.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="How the file is laid out.")
@click.option("--conversation", type=int, default=None, help="locomo: number of the conversation; all if absent.")
@click.option(
    "--scope",
    type=click.Choice(["user", "agent", "tenant"]),
    default="user",
    show_default=True,
    help="Who will see it: only you, or all users of the agent or tenant.",
)
@click.option("--namespace", default="default", show_default=True, help="Chat reads `default`.")
@as_json_option
def import_(path: Path, *, kind: str, conversation: int | None, scope: str, namespace: str, as_json: bool) -> None:
    """Remember what PATH holds. Importing again changes nothing that is already known."""
    try:
        items = [{**item, "scope": scope} for item in read_items(path, kind, conversation=conversation)]
    except NotImportable as error:
        fail(str(error))
    counts = _remember(items, namespace)
    if as_json:
        show_json(counts)
        return
    console.print(", ".join(f"{number} {status}" for status, number in counts.items()))


def _remember(items: list[Item], namespace: str) -> dict[str, int]:
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    with connected() as server, Progress(console=errors) as progress:
        task = progress.add_task("remembering", total=len(items))
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            for result in server.post("/memories", {"items": batch, "namespace": namespace}, tries=TRIES)["results"]:
                counts[result["status"]] += 1
            progress.advance(task, len(batch))
    return counts


@command.command("recall")
@click.argument("query")
@click.option("-k", "--top-k", default=10, show_default=True, help="How many.")
@as_json_option
def recall(query: str, *, top_k: int, as_json: bool) -> None:
    """What would be recalled for QUERY, with the parts of each score."""
    with connected() as server:
        hits = server.get("/memories/recall", query=query, top_k=top_k)["hits"]
        weights = server.get("/learning")["weights"]
    if as_json:
        show_json(hits)
        return
    for number, hit in enumerate(hits, 1):
        console.print(f"{number:2}. {hit['score']:.3f}  {escape(hit['text'])}")
        when = (hit["occurred_at"] or "")[:16].replace("T", " ")
        console.print(f"    [dim]{when}  {parts_of(hit, weights, every=True)}[/dim]")


@command.command("list")
@click.option("--search", help="Only memories with these words.")
@click.option("--limit", default=20, show_default=True, help="How many, the newest first; 200 at most.")
@as_json_option
def list_(*, search: str | None, limit: int, as_json: bool) -> None:
    """The memories that you may see."""
    with connected() as server:
        page: dict[str, Any] = server.get("/memories", search=search, limit=limit)
    if as_json:
        show_json(page)
        return
    table = Table(box=None, header_style="dim", padding=(0, 1))
    table.add_column("key", overflow="fold", ratio=1)  # whole: `soma memory forget` takes it
    table.add_column("when", no_wrap=True)
    table.add_column("text", ratio=2)
    for memory in page["memories"]:
        table.add_row(escape(memory["key"]), (memory.get("occurred_at") or "")[:10], escape(excerpt(memory["text"])))
    console.print(table if page["memories"] else "no memories")
    if page["next"]:
        console.print("[dim]and more: raise --limit or narrow with --search[/dim]")


@command.command("forget")
@click.argument("keys", nargs=-1, required=True)
@as_json_option
def forget(keys: tuple[str, ...], *, as_json: bool) -> None:
    """Remove the memories with these KEYS for good; prints the receipt."""
    with connected() as server:
        receipt = server.post("/memories/forget", {"keys": list(keys)})
    if as_json:
        show_json(receipt)
        return
    console.print(f"forgotten: {len(receipt['forgotten'])}, receipt {receipt['receipt_id']}")
