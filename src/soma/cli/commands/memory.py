"""soma memory: import, list, search, link, check and forget memories."""

import math
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len
from rich.markup import escape
from rich.padding import Padding
from rich.progress import Progress

from soma.agent.language.authorship import attribution
from soma.agent.language.moments import moment_of
from soma.cli.imports.documents import Import, Options, absence_text, choose_documents, forget_documents, list_documents
from soma.cli.imports.files import ENDINGS, NotImportable
from soma.cli.imports.formats import FORMATS, read_lines
from soma.cli.imports.report import report_as_json, show_counts, show_passed_over, show_plan
from soma.cli.output.formatting import excerpt, format_parts
from soma.cli.output.terminal import REFUSED, escape_json, show_error, visible
from soma.cli.server import Server, as_json_option, connect, console, errors, fail, show_json
from soma.process.private_files import open_private

BATCH = 100  # some seconds of embedding on a slow machine
TRIES = 4
LISTED = 100  # consolidations that the server lists at most
NAMED = 5  # keys of refused memories that are printed
SCOPES = {"private": "yours", "agent": "of the agent", "tenant": "of the tenant"}
PROBLEMS = {
    "payload_damaged": "texts differ from what was remembered: restore them from a backup",
    "vector_missing": "memories have no vector: they are found by their words alone",
    "vector_stale": "vectors belong to a former text",
    "vector_damaged": "vectors differ from what was stored",
    "vector_left": "vectors belong to no memory",
    "link_dangling": "links lead to no memory",
    "index_differs": "memories differ between the index and the disk",
}


@click.group()
def command() -> None:
    """Import, list, search, forget and look after memories."""


@command.command("import")
@click.argument("path", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="How the file is laid out.")
@click.option(
    "--collection",
    help="text, markdown: collection in which each name is one document; by default made from the folder.",
)
@click.option("--name", help="text, markdown: name of the document, for a single file or standard input.")
@click.option("--mirror", is_flag=True, help="text, markdown: forget documents whose files are gone from the folder.")
@click.option("--with-forgotten", is_flag=True, help="text, markdown: bring back chunks that were forgotten.")
@click.option("--dry-run", is_flag=True, help="text, markdown: print what would be done, and change nothing.")
@click.option("--conversation", type=int, default=None, help="locomo: number of the conversation; all if absent.")
@click.option(
    "--scope",
    type=click.Choice(["user", "agent", "tenant"]),
    default="user",
    show_default=True,
    help="Who will see it: only you, or all users of the agent or tenant. A line of jsonl may set its own.",
)
@click.option("--namespace", default="default", show_default=True, help="Chat reads `default`.")
@as_json_option
def import_(
    path: Path, *, kind: str, conversation: int | None, scope: str, namespace: str, as_json: bool, **options: Any
) -> None:
    """Remember the contents of PATH: a file, a folder of text or Markdown files, or - for standard input.

    A file that was imported before is recognised, also from another folder or under another name: only its changes
    are written, and nothing is remembered twice. Documents that are not part of the import stay, unless --mirror is
    given.

    Exits with 1 if something could not be read or was refused. Files of another format, empty files and links to
    imported files are listed, but are no failure. A folder of both Markdown and text is imported once with each format.
    """
    if conversation is not None and kind != "locomo":
        fail("--conversation requires --format locomo")
    try:
        if kind in ENDINGS:
            chosen = Options(kind=kind, scope=scope, namespace=namespace, **options)
            _import_documents(path, chosen, as_json=as_json)
            return
        if any(options.values()):
            fail("--collection, --name, --mirror, --with-forgotten and --dry-run require --format text or markdown")
        lines = read_lines(path, kind, conversation=conversation)
    except NotImportable as error:
        fail(str(error))
    at_once = len(lines) if kind == "jsonl" else BATCH  # lines of our own making are valid, and link to nothing
    counts = _remember(lines, scope, namespace, at_once=at_once)
    if as_json:
        show_json(counts)
        return
    console.print(", ".join(f"{number} {status}" for status, number in counts.items()))


def _bar() -> Progress:
    """A progress bar on the terminal only, which disappears in the end: the result is the line printed then."""
    return Progress(console=errors, transient=True, disable=not errors.is_terminal)


def _import_documents(path: Path, options: Options, *, as_json: bool) -> None:
    """Show what will be replaced, moved or forgotten, then do it."""
    with connect() as server:
        batch = Import(server, path, options)
        report = batch.plan()
        known = len(report.passed_over)
        if not as_json:
            show_plan(report)
        if not options.dry_run:
            with _bar() as progress:
                batch.carry_out(report, progress)
    if as_json:
        show_json(report_as_json(report, dry_run=options.dry_run))
    else:
        show_passed_over(report.passed_over[known:])
        show_counts(report, dry_run=options.dry_run)
    if not report.is_whole:
        sys.exit(1)


def _remember(lines: list[str], scope: str, namespace: str, *, at_once: int) -> dict[str, int]:
    """Send the lines. The server checks all lines of a call before it writes one; links may lead forward in a call."""
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    refused: list[str] = []
    with connect() as server, _bar() as progress:
        for start in progress.track(range(0, len(lines), at_once), description="remembering"):
            body = {"lines": lines[start : start + at_once], "scope": scope, "namespace": namespace}
            written = server.post("/memories/import", body, tries=TRIES)
            for status in counts:
                counts[status] += written[status]
            refused += written["refused"]
    if refused:
        named = ", ".join(map(repr, refused[:NAMED])) + (" and more" if len(refused) > NAMED else "")
        errors.print(f"[yellow]not changed, because another user wrote them: {escape(named)}[/yellow]")
        counts["refused"] = len(refused)
    return counts


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-")
@click.option("--namespace", default="default", show_default=True, help="Namespace to read.")
def export(file: Path, *, namespace: str) -> None:
    """Write the memories that you may see to FILE as JSON lines, which `import --format jsonl` reads.

    Without FILE, or with `-`, they are printed. Only you can read the FILE.
    """
    with connect() as server:
        pieces = escape_json(server.stream_bytes("/memories/export", namespace=namespace))
        if str(file) == "-":
            sys.stdout.buffer.writelines(pieces)
            return
        first = next(pieces)  # a refusal leaves the file as it was
        try:
            with open_private(file) as target:
                target.writelines(chain([first], pieces))
        except OSError as error:
            fail(f"{file} cannot be written: {error.strerror}")


@command.command("link")
@click.argument("from_key", metavar="FROM")
@click.argument("to_key", metavar="TO")
@click.option("--relation", required=True, help="The relation of FROM to TO, in a word.")
@click.option("--weight", type=float, default=1.0, show_default=True, help="How strongly, above 0 and at most 1.")
@click.option("--namespace", default="default", show_default=True, help="Where they are.")
@as_json_option
def link(from_key: str, to_key: str, *, relation: str, weight: float, namespace: str, as_json: bool) -> None:
    """Link the memory with the key FROM to that with the key TO: one brings the other to mind."""
    if not math.isfinite(weight):
        fail("the weight must be a finite number (weight)")
    body = {"from_key": from_key, "to_key": to_key, "relation": relation, "weight": weight, "namespace": namespace}
    with connect() as server:
        made = server.post("/memories/links", body)
    if as_json:
        show_json(made)
        return
    console.print("linked" if made["status"] == "created" else "already linked")


@command.command("recall")
@click.argument("query")
@click.option("-k", "--top-k", default=10, show_default=True, help="How many.")
@click.option("--namespace", default="default", show_default=True, help="Where to look.")
@as_json_option
def recall(query: str, *, top_k: int, namespace: str, as_json: bool) -> None:
    """Show what would be recalled for QUERY, with the parts of each score."""
    with connect() as server:
        hits = server.get("/memories/recall", query=query, top_k=top_k, namespace=namespace)["hits"]
        weights = server.get("/learning")["weights"]
    if as_json:
        show_json(hits)
        return
    for number, hit in enumerate(hits, 1):
        console.print(f"{number:2}. {hit['score']:.3f}  {escape(hit['text'])}")
        when = (moment_of(hit["metadata"], hit["occurred_at"]) or "")[:16].replace("T", " ")
        console.print(f"    [dim]{when}  {format_parts(hit, weights, every=True)}[/dim]")
        if hit["author"]:
            console.print(f"    [dim]{escape(attribution(hit['author'], hit['metadata']))}[/dim]")


@command.command("list")
@click.option("--search", help="Only memories with these words.")
@click.option("--limit", default=20, show_default=True, help="How many, the newest first; 200 at most.")
@click.option("--namespace", default="default", show_default=True, help="Namespace to read.")
@as_json_option
def list_(*, search: str | None, limit: int, namespace: str, as_json: bool) -> None:
    """List the memories that you may see: day, times shown and key of each, its text below."""
    with connect() as server:
        page: dict[str, Any] = server.get("/memories", search=search, limit=limit, namespace=namespace)
    if as_json:
        show_json(page)
        return
    for memory in page["memories"]:
        day, shown = (moment_of(memory["metadata"], memory["occurred_at"]) or "")[:10], memory.get("access_count", 0)
        # The key is never wrapped, so that it can be copied.
        console.print(f"[dim]{day:10} {shown:4}[/dim]  {escape(memory['key'])}", soft_wrap=True)
        console.print(Padding(escape(excerpt(memory["text"])), (0, 0, 0, 17), expand=False))
    if not page["memories"]:
        console.print("no memories")
    if page["next"]:
        console.print("[dim]there are more: raise --limit, or narrow with --search[/dim]")


@command.command("documents")
@click.option("--collection", help="Only documents of this collection.")
@click.option("--namespace", default="default", show_default=True, help="Namespace to read.")
@as_json_option
def documents(*, collection: str | None, namespace: str, as_json: bool) -> None:
    """List the documents that you may see: when each was imported, its number of chunks, name and collection."""
    with connect() as server:
        found = [
            one for one in list_documents(server, namespace) if collection is None or one["collection"] == collection
        ]
    if as_json:
        show_json(found)
        return
    width = max((cell_len(visible(one["name"])) for one in found), default=0)
    for one in found:
        name = visible(one["name"])
        place = f"{name}{' ' * (width - cell_len(name))}  {one['collection'] or '(from an earlier version)'}"
        scope = "" if one["scope"] == "user" else f"  {one['scope']}"
        when = one["imported_at"][:16].replace("T", " ")
        console.print(f"[dim]{when} {one['chunks']:6}[/dim]  {escape(place)}{scope}", soft_wrap=True)
    if not found:
        console.print("no documents")


@command.command("forget")
@click.argument("keys", nargs=-1)
@click.option("--document", "names", multiple=True, help="Name or id of a document to forget, instead of KEYS.")
@click.option("--collection", help="Collection of the documents; without --document, forget all of it.")
@click.option("--namespace", default="default", show_default=True, help="Where they are.")
@as_json_option
def forget(
    keys: tuple[str, ...], *, names: tuple[str, ...], collection: str | None, namespace: str, as_json: bool
) -> None:
    """Forget the memories with these KEYS, or documents, for good, and print the receipt.

    Documents that exist are forgotten, even if others do not: those names are printed, and the exit code is 1. So an
    interrupted command is completed by running it again.
    """
    if bool(keys) == bool(names or collection):
        raise click.UsageError("say what to forget: KEYS of memories, --document NAME, or --collection NAME")
    with connect() as server:
        if keys:
            receipt = server.post("/memories/forget", {"keys": list(keys), "namespace": namespace})
        else:
            receipt = _forget_documents(server, names, collection, namespace)
    if as_json:
        show_json(receipt)
    elif keys:
        console.print(f"forgotten: {len(receipt['forgotten'])}, receipt {receipt['receipt_id']}")
        if turns := len(receipt["withheld_turns"]):
            console.print(
                f"turns that mention it: {turns}; you can still read them, but no model is shown them any more"
            )
    else:
        receipts = ", ".join(receipt["receipt_ids"])
        proof = f", receipt {receipts}" if receipts else "; other documents share their text"
        console.print(f"forgotten: {receipt['documents']} documents, {receipt['chunks']} chunks{proof}", soft_wrap=True)
    if receipt.get("absent"):
        sys.exit(REFUSED)


def _forget_documents(server: Server, names: tuple[str, ...], collection: str | None, namespace: str) -> dict[str, Any]:
    found = list_documents(server, namespace)
    chosen = choose_documents(found, names, collection)
    absences = [absence_text(name, found) for name in chosen.absent]
    if not chosen.ids:
        fail("\n".join(absences))
    receipt = forget_documents(server, chosen.ids, namespace)
    for message in absences:
        show_error(message)
    return receipt | {"absent": chosen.absent}


@command.command("status")
@click.option("--namespace", default="default", show_default=True, help="Namespace to count.")
@as_json_option
def status(*, namespace: str, as_json: bool) -> None:
    """Show how much is remembered, and which embedding model is used."""
    with connect() as server:
        found: dict[str, Any] = server.get("/memories/status", namespace=namespace)
    if as_json:
        show_json(found)
        return
    scopes = ", ".join(f"{found[scope]} {name}" for scope, name in SCOPES.items() if found[scope])
    console.print(
        f"memories   {found['memories']}{f' ({scopes})' if scopes else ''}, {found['links']} links that recall follows"
    )
    embedding = found["embedding"]
    console.print(f"embedding  {embedding['model']}")
    if not embedding["done"]:
        console.print(f"           {embedding['target']}: {embedding['embedded']} of {embedding['memories']}")
    if embedding["waiting"]:
        console.print(f"[yellow]waiting[/yellow]    {escape(embedding['waiting'])}")


@command.command("verify")
@click.option("--repair", is_flag=True, help="Repair what differs.")
@as_json_option
def verify(*, repair: bool, as_json: bool) -> None:
    """Compare vectors, links and indexes with the texts of the tenant's memories; exits with 1 if they differ."""
    with connect() as server:
        report: dict[str, Any] = server.post("/memories/verify", {"repair": repair})
    if as_json:
        show_json(report)
    else:
        console.print(
            f"compared   {report['memories']} memories, {report['links']} links, also those that only record an origin"
        )
        for kind, count in report["problems"].items():
            console.print(f"[yellow]{kind:15}[/yellow] {count}  {PROBLEMS[kind]}")
        if report["problems"]:
            console.print(f"repaired   {report['repaired']}" if repair else "repair with `soma memory verify --repair`")
        else:
            console.print("no problems")
    if not report["clean"]:
        sys.exit(1)


@command.command("consolidations")
@click.option("--namespace", default="default", show_default=True, help="Namespace to read.")
@as_json_option
def consolidations(*, namespace: str, as_json: bool) -> None:
    """List the consolidations of your memories, the newest first."""
    with connect() as server:
        found: list[dict[str, Any]] = server.get("/memories/consolidations", namespace=namespace)["consolidations"]
    if as_json:
        show_json(found)
        return
    for one in found:
        undone = "  [dim]undone[/dim]" if one["undone_at"] else ""
        made = f"{len(one['sources'])} memories -> {len(one['made'])}"
        console.print(f"{one['id']}  {one['created_at'][:16].replace('T', ' ')}  {one['phase']}  {made}{undone}")
    if len(found) == LISTED:
        console.print(f"[dim]these are the newest {LISTED}; earlier ones are not shown[/dim]")
    if not found:
        console.print("no consolidations yet")


@command.command("undo")
@click.argument("consolidation")
@click.option("--namespace", default="default", show_default=True, help="Namespace to read.")
@as_json_option
def undo(consolidation: str, *, namespace: str, as_json: bool) -> None:
    """Take a CONSOLIDATION back (see `soma memory consolidations`)."""
    with connect() as server:
        undone = server.post("/memories/consolidations/undo", {"id": consolidation, "namespace": namespace})
    if as_json:
        show_json(undone)
        return
    console.print(f"removed {len(undone['removed'])}, {undone['restored_links']} links as before")
