"""Identity of documents: which one a file is, and the steps of an import, decided before anything is done. Pure.

A document is known by its collection and name. A file is recognised as one by where it lies (`origin`: the digests of
the folders on its way, the file's own last), by its collection and name, or, where the document's own place is gone,
by its text. A text that is there under another name is not remembered twice: the documents share it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Action = Literal["created", "replaced", "unchanged", "moved", "shared", "refused", "kept", "forgotten"]
Whereabouts = Literal["gone", "there"]

UNNAMED = "default"  # the collection of documents that came without one
FORMER = ""  # the collection of documents from before there were any
SEPARATOR = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDocument:
    """A stored document. `thread` holds its chunks; `digest` is of its text, empty while that is not known.

    `is_foreign`: another user brought it for all, and only that user or an owner of the tenant may change it.
    """

    id: str
    collection: str
    name: str
    thread: str
    origin: str = ""
    digest: str = ""
    format: str = ""
    user_id: str = ""
    is_foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDocument:
    """A document that comes in.

    `continues` is the id of the one that it was recognised as: of an earlier version, or of the same text and gone
    from its place. `has_same_text` is for the former, whose digest nobody knows.
    """

    collection: str
    name: str
    format: str
    digest: str
    origin: str = ""
    continues: str | None = None
    has_same_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An import: what comes, and how far it speaks for what does not come.

    `root` is the origin of a folder that came whole, `collection` a collection that was named and came whole; both
    empty for single documents. `whereabouts` says, by id, of documents that did not come whether their place is
    `gone` or still `there`; absent for those of another machine.
    """

    documents: Sequence[IncomingDocument]
    format: str
    root: str = ""
    collection: str = ""
    mirror: bool = False
    whereabouts: Mapping[str, Whereabouts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStep:
    """One step of an import: a document as it was (`former`) and will be (`document`, its thread empty for a new one).

    `twin` is another document of the same text; `absorbed` are further documents that were this same one.
    """

    action: Action
    document: KnownDocument
    former: KnownDocument | None = None
    twin: KnownDocument | None = None
    absorbed: tuple[KnownDocument, ...] = ()


def plan(there: Iterable[KnownDocument], delivery: Delivery) -> list[ImportStep]:
    """Decide everything: a step for each document that comes, then for those that the delivery misses."""
    shelf = Shelf(there)
    rows = shelf.all()
    documents = _continue_once(delivery.documents)
    claimed = {found.id for coming in documents if (found := shelf.place_of(coming)) is not None}
    steps = []
    for number, coming in enumerate(documents):
        moved = _find_moved(shelf, coming, delivery.whereabouts, claimed)
        step = decide(shelf, replace(coming, continues=moved.id) if moved else coming)
        claimed |= {one.id for one in (step.former, *step.absorbed) if one is not None}
        shelf.apply(step, f"new {number}")
        steps.append(step)
    missed = [one for one in rows if one.id not in claimed and _is_missed(one, delivery)]
    return steps + [ImportStep(action="forgotten" if delivery.mirror else "kept", document=one) for one in missed]


def find_in_question(there: Iterable[KnownDocument], delivery: Delivery) -> list[KnownDocument]:
    """Return the documents whose whereabouts the plan depends on."""
    shelf = Shelf(there)
    came = [(coming, shelf.place_of(coming)) for coming in delivery.documents]
    claimed = {found.id for _, found in came if found is not None}
    twins = {one.id: one for coming, found in came if found is None for one in shelf.of_text(coming)}
    missed = {one.id: one for one in shelf.all() if one.id not in claimed and _is_within(one, delivery)}
    return [one for one in (twins | missed).values() if one.origin]


def decide(shelf: "Shelf", coming: IncomingDocument) -> ImportStep:
    """Decide what one document becomes, given what is there."""
    former = shelf.place_of(coming)
    if former is not None and former.is_foreign:
        return _decide_beside(shelf, former, coming)
    place = _place(former, coming)
    same = shelf.at_place(*place, coming.origin)
    absorbed = tuple(one for one in same if not one.is_foreign and (former is None or one.id != former.id))
    document = KnownDocument(
        id=former.id if former else "",
        collection=place[0],
        name=place[1],
        origin=coming.origin or (former.origin if former else ""),
        thread="",
        digest=coming.digest,
        format=coming.format,
    )
    if former is not None and (coming.has_same_text or _same_text(former, coming)):
        is_there = former.name == place[1] and former.collection in {place[0], FORMER}
        action: Action = "unchanged" if is_there else "moved"
        kept = replace(document, thread=former.thread)
        return ImportStep(action=action, document=kept, former=former, absorbed=absorbed)
    twin = next((one for one in shelf.of_text(coming) if former is None or one.id != former.id), None)
    if twin is not None:
        thread = twin.thread
    elif former is not None and not shelf.is_shared(former.thread):
        thread = former.thread
    else:
        thread = ""
    action = "replaced" if former else "shared" if twin else "created"
    return ImportStep(
        action=action, document=replace(document, thread=thread), former=former, twin=twin, absorbed=absorbed
    )


def _decide_beside(shelf: "Shelf", former: KnownDocument, coming: IncomingDocument) -> ImportStep:
    """Decide for a file that is another user's document: it may share that one's text, and changes nothing of it."""
    if not (coming.has_same_text or _same_text(former, coming)):
        return ImportStep(action="refused", document=former, former=former)
    if shelf.at_place(coming.collection, coming.name, ""):
        return ImportStep(action="unchanged", document=former, former=former)
    own = KnownDocument(
        id="",
        collection=coming.collection,
        name=coming.name,
        thread=former.thread,
        origin=coming.origin,
        digest=coming.digest,
        format=coming.format,
    )
    return ImportStep(action="shared", document=own, twin=former)


class Shelf:
    """Documents by id, place, origin, text and thread."""

    def __init__(self, there: Iterable[KnownDocument]) -> None:
        self._documents: dict[str, KnownDocument] = {}
        self._by: dict[tuple[str, ...], dict[str, KnownDocument]] = {}
        for one in there:
            self._put(one)

    def all(self) -> list[KnownDocument]:
        return list(self._documents.values())

    def place_of(self, coming: IncomingDocument) -> KnownDocument | None:
        """Return the document that this is: as it was recognised, by where it lies or by its name."""
        continued = self._documents.get(coming.continues or "")
        if continued is not None and (continued.collection == FORMER or _same_text(continued, coming)):
            return continued
        here = self._first("place", coming.collection, coming.name)
        same_file = self._first("origin", coming.origin) if coming.origin else None
        if here is None and not coming.origin and coming.collection == UNNAMED:  # as the name alone decided formerly
            return self._first("place", FORMER, coming.name)
        return (same_file or here) if _is_by_folder(coming.collection, coming.origin) else (here or same_file)

    def of_text(self, coming: IncomingDocument) -> list[KnownDocument]:
        return list(self._by.get(("text", coming.digest, coming.format), {}).values()) if coming.digest else []

    def at_place(self, collection: str, name: str, origin: str) -> list[KnownDocument]:
        """Return all documents with this collection and name, or imported from this origin."""
        found = dict(self._by.get(("place", collection, name), {}))
        found |= self._by.get(("origin", origin), {}) if origin else {}
        return list(found.values())

    def is_shared(self, thread: str) -> bool:
        return len(self._by.get(("thread", thread), {})) > 1

    def apply(self, step: ImportStep, new: str) -> None:
        """Carry a step out; `new` names what is new."""
        for one in (step.former, *step.absorbed):
            if one is not None:
                self._take(one)
        document = step.document
        self._put(replace(document, id=document.id or new, thread=document.thread or new))

    def _first(self, *key: str) -> KnownDocument | None:
        return next(iter(self._by.get(key, {}).values()), None)

    def _put(self, one: KnownDocument) -> None:
        self._documents[one.id] = one
        for key in _keys(one):
            self._by.setdefault(key, {})[one.id] = one

    def _take(self, one: KnownDocument) -> None:
        if self._documents.pop(one.id, None) is not None:
            for key in _keys(one):
                del self._by[key][one.id]


def _keys(one: KnownDocument) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [("place", one.collection, one.name), ("thread", one.thread)]
    keys += [("origin", one.origin)] if one.origin else []
    return keys + ([("text", one.digest, one.format)] if one.digest else [])


def _continue_once(documents: Sequence[IncomingDocument]) -> list[IncomingDocument]:
    """Let one file continue each document: of several recognised as it, the one of the same text, else the first."""
    best: dict[str, IncomingDocument] = {}
    for coming in documents:
        if coming.continues and (coming.continues not in best or coming.has_same_text):
            best[coming.continues] = coming
    return [
        coming
        if coming.continues is None or best[coming.continues] is coming
        else replace(coming, continues=None, has_same_text=False)
        for coming in documents
    ]


def _same_text(former: KnownDocument, coming: IncomingDocument) -> bool:
    return bool(coming.digest) and (former.digest, former.format) == (coming.digest, coming.format)


def _place(former: KnownDocument | None, coming: IncomingDocument) -> tuple[str, str]:
    """Return collection and name afterwards: of the widest folder it came with, unless its collection is named."""
    theirs = coming.collection, coming.name
    if former is None or former.collection == FORMER or not coming.origin or former.origin != coming.origin:
        return theirs
    if not _is_by_folder(coming.collection, coming.origin):
        return theirs
    if not _is_by_folder(former.collection, former.origin) or former.name.count("/") > coming.name.count("/"):
        return former.collection, former.name
    return theirs


def _is_by_folder(collection: str, origin: str) -> bool:
    """Return whether a collection is that of a folder on the way to the file, not one that somebody named."""
    return bool(origin) and collection.rpartition("-")[2] in origin.split(SEPARATOR)


def _find_moved(
    shelf: Shelf, coming: IncomingDocument, whereabouts: Mapping[str, Whereabouts], claimed: set[str]
) -> KnownDocument | None:
    """Find a document of the same text whose own place is gone and that nothing else claims."""
    if shelf.place_of(coming) is not None:
        return None
    gone = (one for one in shelf.of_text(coming) if whereabouts.get(one.id) == "gone" and not one.is_foreign)
    return next((one for one in gone if one.id not in claimed), None)


def _is_within(one: KnownDocument, delivery: Delivery) -> bool:
    """Return whether the delivery covers this document: its folder came whole, or its collection did."""
    if one.format != delivery.format or one.is_foreign:
        return False
    lay_in = delivery.root and one.origin.startswith(delivery.root + SEPARATOR)
    return bool(lay_in) or bool(delivery.collection and one.collection == delivery.collection)


def _is_missed(one: KnownDocument, delivery: Delivery) -> bool:
    """Return whether it is gone from its place, or its named collection came whole without it."""
    if not _is_within(one, delivery):
        return False
    state = delivery.whereabouts.get(one.id)
    is_named = bool(delivery.collection) and one.collection == delivery.collection
    return state == "gone" or (is_named and state is None)
