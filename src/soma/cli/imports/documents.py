"""Imports of documents: plan, then carry out; documents found by their names."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.progress import Progress

from soma.agent.documents.decoding import UTF_8, DecodedText
from soma.cli.imports.files import (
    ENDINGS,
    LARGEST_TEXT,
    STDIN,
    File,
    FoundFiles,
    NotImportable,
    SkippedEntry,
    find_files,
    read_file,
    written_at,
)
from soma.cli.imports.origins import collection_of, origin_of, whereabouts
from soma.cli.imports.report import CHUNKS, ImportReport
from soma.cli.output.terminal import fail
from soma.cli.server import Refusal, Server
from soma.process.reasons import reason_of

AT_ONCE = 500  # documents a call of forget
ALIKE = 0.8  # similarity of two names from which one is taken for a typing error of the other
PATIENCE = 4  # tries while the server is busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `soma memory import` for documents."""

    kind: str
    scope: str
    namespace: str
    collection: str | None
    name: str | None
    mirror: bool
    with_forgotten: bool
    dry_run: bool

    @property
    def place(self) -> dict[str, str]:
        return {"scope": self.scope, "namespace": self.namespace}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyFile:
    """A file that was read, with what the plan needs to know of it."""

    file: File
    collection: str
    origin: str
    digest: str
    encoding: str
    continues: str | None = None
    has_same_text: bool = False

    @property
    def as_request(self) -> dict[str, Any]:
        document = {"name": self.file.name, "digest": self.digest, "collection": self.collection, "origin": self.origin}
        former = {"continues": self.continues, "has_same_text": self.has_same_text} if self.continues else {}
        return document | former


class Import:
    """One import of a folder, a file or standard input: `plan`, then `carry_out`."""

    def __init__(self, server: Server, path: Path, options: Options) -> None:
        self._server = server
        self._options = options
        self._is_folder = path != STDIN and path.is_dir()
        self._root = Path() if path == STDIN else path.resolve() if self._is_folder else path.parent.resolve()
        self._check(path)
        self._found = self._find(path)
        self._ready: list[ReadyFile] = []
        self._typed: DecodedText | None = None

    def plan(self) -> ImportReport:
        """Find out what the import would do, without doing it."""
        for file in self._found.files:
            self._read(file)
        if not self._ready and (self._options.mirror or not self._found.passed_over):
            endings = " or ".join(sorted(ENDINGS[self._options.kind]))
            raise NotImportable(f"{self._root} holds no {endings} file that can be read: nothing was changed")
        planned = self._ask({})
        if planned["has_former"]:
            self._recognise(planned["steps"])
        places = {one["id"]: whereabouts(one["origin"], self._root) for one in planned["in_question"]}
        known = {document: state for document, state in places.items() if state}
        if planned["has_former"] or known:
            planned = self._ask(known)
        read_as = {one.file.name: one.encoding for one in self._ready if one.encoding != UTF_8}
        return ImportReport(planned["steps"], [*self._found.passed_over, *self._found.others], read_as)

    def carry_out(self, report: ImportReport, progress: Progress) -> None:
        """Carry out the plan; note in the report what was done instead where that differs."""
        for number, one in enumerate(progress.track(self._ready, description="importing")):
            step = report.steps[number]
            try:
                report.steps[number] = step | self._import(one, step, report.chunks)
            except (Refusal, NotImportable, OSError) as error:
                report.passed_over.append(SkippedEntry(str(one.file.path), reason_of(error)))
                report.steps[number] = step | {"action": "passed_over"}
        self._forget(report)

    def _check(self, path: Path) -> None:
        if path == STDIN and not self._options.name:
            raise NotImportable("standard input has no name: give it one with --name")
        if self._is_folder and self._options.name:
            raise NotImportable("--name requires a single file: in a folder each file has its own")
        if self._options.mirror and not self._is_folder:
            raise NotImportable("--mirror requires a folder: a single file says nothing about others")

    def _find(self, path: Path) -> FoundFiles:
        if self._is_folder:
            return find_files(path.resolve(), self._options.kind)
        name = self._options.name or path.name
        return FoundFiles(files=[File(name, path if path == STDIN else self._root / path.name)])

    def _read(self, file: File) -> None:
        """Read a file into the plan; an unreadable one is skipped, or ends the command if it is the only one."""
        try:
            read = self._read_text(file)
        except (NotImportable, OSError) as error:
            if not self._is_folder:
                raise NotImportable(f"{file.path} {reason_of(error)}") from error
            self._found.passed_over.append(SkippedEntry(str(file.path), reason_of(error)))
            return
        if not read.text.strip():
            if not self._is_folder:
                raise NotImportable(f"{file.path} holds nothing to remember")
            self._found.passed_over.append(SkippedEntry(str(file.path), "holds nothing to remember", is_wrong=False))
            return
        is_on_disk = file.path != STDIN
        self._ready.append(
            ReadyFile(
                file=file,
                collection=self._options.collection or (collection_of(self._root) if is_on_disk else "default"),
                origin=origin_of(file.path) if is_on_disk else "",
                digest=sha256(read.text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")).hexdigest(),
                encoding=read.encoding,
            )
        )

    def _ask(self, places: Mapping[str, str]) -> dict[str, Any]:
        whole = {"root": origin_of(self._root), "collection": self._options.collection or ""}
        body = {
            **self._options.place,
            **(whole if self._is_folder else {}),
            "documents": [one.as_request for one in self._ready],
            "format": self._options.kind,
            "mirror": self._options.mirror,
            "whereabouts": places,
        }
        return dict(self._server.post("/memories/documents/plan", body, tries=PATIENCE))

    def _recognise(self, steps: Sequence[dict[str, Any]]) -> None:
        """Ask, for each file that would be created, whether an earlier version imported its text."""
        for number, (one, step) in enumerate(zip(self._ready, steps, strict=False)):
            if step["action"] != "created" and not (step["former"] and not step["former"]["collection"]):
                continue
            body = {**self._options.place, "name": one.file.name, "text": self._read_text(one.file).text}
            found = self._server.post("/memories/documents/recognise", body, tries=PATIENCE)
            if document := found["document"]:
                self._ready[number] = replace(one, continues=document["id"], has_same_text=found["has_same_text"])

    def _import(self, one: ReadyFile, step: dict[str, Any], chunks: Counter[str]) -> dict[str, Any]:
        body = {
            **self._options.place,
            "name": one.file.name,
            "text": self._read_text(one.file).text,
            "format": self._options.kind,
            "written_at": written_at(one.file.path),
            "collection": one.collection,
            "origin": one.origin,
            "with_forgotten": self._options.with_forgotten,
        }
        if step["former"]:
            body["continues"] = step["former"]["id"]
        done = self._server.attempt("/memories/documents", body, tries=PATIENCE)
        chunks.update({status: done[status] for status in CHUNKS})
        return {name: done[name] for name in step}

    def _forget(self, report: ImportReport) -> None:
        gone = [step for step in report.steps if step["action"] == "forgotten"]
        for start in range(0, len(gone), AT_ONCE):
            some = gone[start : start + AT_ONCE]
            body = {"ids": [step["former"]["id"] for step in some], "namespace": self._options.namespace}
            try:
                report.chunks["forgotten"] += self._server.attempt("/memories/documents/forget", body)["chunks"]
            except Refusal as error:
                report.passed_over += [SkippedEntry(step["name"], f"is not forgotten: {error}") for step in some]
                for step in some:
                    step["action"] = "kept"

    def _read_text(self, file: File) -> DecodedText:
        """Read a text that is not too long for memory, so that a plan promises no more than can be done."""
        read = self._read_content(file)
        if len(read.text.encode("utf-8", "surrogatepass")) > LARGEST_TEXT:
            raise NotImportable(f"has more than {LARGEST_TEXT:,} bytes of text: split it")
        return read

    def _read_content(self, file: File) -> DecodedText:
        if file.path != STDIN:
            return read_file(file.path)
        if self._typed is None:
            self._typed = read_file(STDIN)
        return self._typed


def forget_documents(server: Server, ids: Sequence[str], namespace: str) -> dict[str, Any]:
    """Forget documents in several calls; return their number, their chunks, and the receipts of erased texts."""
    result: dict[str, Any] = {"receipt_ids": [], "documents": 0, "chunks": 0}
    for start in range(0, len(ids), AT_ONCE):
        body = {"ids": ids[start : start + AT_ONCE], "namespace": namespace}
        gone = server.post("/memories/documents/forget", body)
        result["documents"] += gone["documents"]
        result["chunks"] += gone["chunks"]
        result["receipt_ids"] += [gone["receipt_id"]] if gone["receipt_id"] else []
    return result


def list_documents(server: Server, namespace: str) -> list[dict[str, Any]]:
    """List the documents that the user may see, by name."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = server.get("/memories/documents", namespace=namespace, after=after)
        found += page["documents"]
        if (after := page["next"]) is None:
            return sorted(found, key=lambda one: (one["name"], one["collection"], one["scope"]))


@dataclass(frozen=True, slots=True)
class ChosenDocuments:
    """The ids of the chosen documents, and the names that no document has."""

    ids: list[str]
    absent: list[str]


def choose_documents(found: Sequence[dict[str, Any]], names: Sequence[str], collection: str | None) -> ChosenDocuments:
    """Choose documents by name or id, or a whole collection; end the command if several have the same name."""
    within = [one for one in found if collection is None or one["collection"] == collection]
    if not names:
        if not within:
            fail(f"there is no collection {collection}: `soma memory documents` lists them")
        return ChosenDocuments([one["id"] for one in within], [])
    same = {name: _with_name(within, name) for name in names}
    for name, several in same.items():
        if len(several) > 1:
            fail(f"{len(several)} documents are called {name}: say which {_how_to_choose(several)}")
    return ChosenDocuments(
        list(dict.fromkeys(one["id"] for some in same.values() for one in some)),
        [name for name, some in same.items() if not some],
    )


def absence_text(name: str, found: Sequence[dict[str, Any]]) -> str:
    """The message that no document has this name, with the one that may be meant."""
    if places := [one["collection"] for one in found if one["name"] == name]:
        return f"there is no document {name} in that collection; it is in {', '.join(places)}"
    names = [one["name"] for one in found]
    near = [one for one in names if name.endswith(f"/{one}")] or get_close_matches(name, names, n=1, cutoff=ALIKE)
    hint = f"did you mean {near[0]}?" if near else "`soma memory documents` lists them"
    return f"there is no document {name}{'; ' if near else ': '}{hint}"


def _with_name(documents: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the documents of this name; else those of an equivalent Unicode spelling; else the one of this id."""
    written = unicodedata.normalize("NFC", name)
    return (
        [one for one in documents if one["name"] == name]
        or [one for one in documents if unicodedata.normalize("NFC", one["name"]) == written]
        or [one for one in documents if one["id"] == name]
    )


def _how_to_choose(several: Sequence[dict[str, Any]]) -> str:
    """The options that choose one of several documents with the same name."""
    collections = sorted({one["collection"] for one in several})
    if len(collections) == len(several) and all(collections):
        return f"with --collection: {', '.join(collections)}"
    ids = (f"{one['id']} ({one['collection'] or 'no collection'}, {one['scope']})" for one in several)
    return f"by its id: {', '.join(ids)}"
