"""Answers of the offline model from documents: by sentence, item, row and answer, under their headings."""

import msgspec
import pytest

from soma.agent.llm.base import MemoryPart, ModelMessage, ModelRequest, TextPart
from soma.agent.llm.offline.model import respond


def document(*sections: tuple[str, str, str]) -> tuple[MemoryPart, ...]:
    """Chunks as an import makes them: (file, heading, text); the lines count through each file."""
    memories = []
    for number, (name, heading, text) in enumerate(sections, 1):
        first = 10 * number
        titled = f', "{heading}"' if heading else ""
        source = f"{name}{titled}, lines {first}-{first + text.count(chr(10))}"
        whole = f"{heading}\n{text}" if heading else text
        memories.append(MemoryPart(number=number, id=f"m{number}", text=whole, source=source))
    return tuple(memories)


def ask(text: str, memories: tuple[MemoryPart, ...], *earlier: str) -> str:
    said = [ModelMessage("user", (TextPart(one),)) for one in earlier]
    messages = (
        ModelMessage("system", (TextPart("You are Soma."),)),
        *said,
        ModelMessage("user", (*memories, TextPart(text))),
    )
    return respond(ModelRequest(messages=messages, seed=7)).text


CLUB = document(
    ("rules.md", "Boat club > Guarantee", "Each hull is guaranteed for six years.\nPaint is not."),
    ("rules.md", "Boat club > Launching a dinghy", "1. Untie the cover.\n2. Roll the trolley down.\n3. Push off."),
    ("rules.md", "Boat club > What to bring", "You need:\n\n- a life jacket\n- dry socks\n- a whistle"),
    ("fees.md", "Fees", "| Boat | Day | Week |\n|---|---|---|\n| Otter | 12 | 60 |\n| Skiff 3 | 30 | 140 |"),
    ("faq.txt", "", "Q: Where is the key?\nA: Under the third flower pot.\n\nQ: Who locks up?\nA: Oona does."),
    ("minutes.md", "Minutes", "Oona will paint the jetty on 14 to 21 December. Ravi buys the rope."),
)


def test_a_heading_is_never_the_answer_but_what_stands_under_it() -> None:
    assert ask("What is the guarantee?", CLUB) == (
        'From rules.md, "Boat club > Guarantee": "Each hull is guaranteed for six years. Paint is not." [1]'
    )


def test_a_how_to_is_answered_with_all_its_steps() -> None:
    said = ask("How do I launch a dinghy?", CLUB)
    assert all(step in said for step in ("1. Untie the cover.", "2. Roll the trolley down.", "3. Push off."))


def test_a_list_is_one_answer_with_the_words_that_lead_to_it() -> None:
    said = ask("What do I have to bring?", CLUB)
    assert all(item in said for item in ("a life jacket", "dry socks", "a whistle"))


def test_a_row_is_told_with_the_names_of_its_columns() -> None:
    assert '"Boat: Otter; Day: 12; Week: 60" [4]' in ask("What is the fee for the Otter?", CLUB)


def test_a_question_in_the_notes_is_matched_and_its_answer_quoted() -> None:
    assert ask("Where is the key?", CLUB) == 'From faq.txt: "Under the third flower pot." [5]'


def test_a_span_of_days_is_told_whole() -> None:
    assert "14 to 21 December" in ask("When is the jetty painted?", CLUB)


def test_each_part_of_a_question_is_answered() -> None:
    said = ask("How long is the hull guaranteed and who locks up?", CLUB)
    assert "six years" in said
    assert "Oona does." in said


def test_a_follow_up_is_about_what_was_asked_before() -> None:
    assert "Week: 140" in ask("And per week?", CLUB, "What does the Skiff 3 cost per day?")


def test_a_bare_question_word_asks_about_what_was_asked_before() -> None:
    assert "14 to 21 December" in ask("When?", CLUB, "Who will paint the jetty?")


@pytest.mark.parametrize(
    "text",
    [
        "What is the fee for the Skiff 4?",  # a thing with another number
        "What does article B-77 cost?",
        "When does Tamsin paint the jetty?",
        "What is the insurance number of the club?",
    ],
)
def test_what_the_notes_do_not_name_is_not_answered_from_something_alike(text: str) -> None:
    assert ask(text, CLUB).startswith("I don't know")


def test_a_mistyped_word_is_known_by_its_letters() -> None:
    assert "six years" in ask("how long is the gaurantee of a hull", CLUB)


MOVED = document(
    ("plan.md", "Harbour day > Decision", "The harbour day takes place on 3 May 2031."),
    ("plan.md", "Harbour day > Update 2031-04-02", "The harbour day is moved to 9 June 2031 because of the dredger."),
)


def test_of_notes_that_contradict_the_newest_counts() -> None:
    said = ask("When does the harbour day take place?", MOVED)
    assert "9 June" in said
    assert "3 May" not in said


def test_the_oldest_counts_where_the_original_is_asked_for() -> None:
    assert "3 May" in ask("When should the harbour day take place originally?", MOVED)


ABROAD = document(
    ("verein.md", "Bootshaus", "Der Schlüssel liegt beim 2. Blumentopf. Das Tor öffnet Oona um acht Uhr."),
    ("club.md", "Hangar", "La clé est sous le pot de fleurs. Oona ouvre la porte à huit heures."),
    ("club-es.md", "Cobertizo", "La llave está debajo de la maceta. Oona abre la puerta a las ocho."),
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Wo liegt der Schlüssel?", "Blumentopf"),
        ("Où est la clé du hangar ?", "pot de fleurs"),
        ("¿Dónde está la llave del cobertizo?", "maceta"),
    ],
)
def test_notes_in_other_languages_answer_questions_in_theirs(text: str, answer: str) -> None:
    assert answer in ask(text, ABROAD)


STORES = (
    "Lamp oil - Ravi, in the locker under the port bunk, twelve litres",
    "Rope - Oona, forepeak",
    "Flares - Tamsin, red box, good until 2033",
    "Charts - bridge",
)
LOG = document(
    ("log.md", "Ketch Amaryllis", "---\ntitle: Deck log\nauthor: Ravi Sorel\nversion: 4\n---"),
    (
        "mail.txt",
        "",
        "From: Oona Brandt\nTo: crew\nDate: 3 May 2031\nSubject: anchor chain\n\nThe chain of the ketch is 60 m long.",
    ),
    (
        "stores.md",
        "Stores",
        "\n".join(STORES),
    ),
    ("tasks.md", "Refit", "Still open\n\n- new zincs\n- varnish the tiller\n- splice the halyard"),
    ("hull.md", "Hull", "The ketch was painted by Tamsin. Her keel is of iron. The cradle stands in the east yard."),
)


def test_the_fields_of_a_document_answer_together() -> None:
    assert "author: Ravi Sorel; version: 4" in ask("Who is the author of the deck log?", LOG)


def test_the_head_of_a_mail_is_no_answer_but_what_it_is_about() -> None:
    assert ask("How long is the anchor chain?", LOG) == 'From mail.txt: "The chain of the ketch is 60 m long." [2]'


def test_lines_that_end_early_are_told_one_by_one() -> None:
    said = ask("Who has the flares?", LOG)
    assert "Flares - Tamsin, red box, good until 2033" in said
    assert "Rope" not in said


def test_a_label_before_a_list_is_not_quoted_for_it() -> None:
    said = ask("Which tasks of the refit are still open?", LOG)
    assert all(item in said for item in ("new zincs", "varnish the tiller", "splice the halyard"))


@pytest.mark.parametrize(
    "text",
    [
        "How heavy is the anchor chain?",  # its length is no weight
        "When was the ketch painted?",
        "What colour is the ketch?",
        "How old is the keel of the ketch?",
    ],
)
def test_a_passage_without_what_is_wanted_does_not_answer(text: str) -> None:
    assert ask(text, LOG).startswith("I don't know")


def test_an_amount_far_from_what_is_asked_does_not_answer() -> None:
    apart = document(
        ("yard.md", "Yard", "The van leaks.\n\nOur dog sleeps.\n\nThe gate was painted red and is 3 m wide.")
    )
    assert ask("What colour is the van?", apart).startswith("I don't know")
    assert ask("How wide is the van?", apart).startswith("I don't know")


def test_who_is_answered_with_a_name() -> None:
    assert "Tamsin" in ask("Who painted the ketch?", LOG)


def alike(similarity: float) -> tuple[MemoryPart, ...]:
    [found] = document(("shed.md", "Shed", "The oars hang behind the door."))
    return (msgspec.structs.replace(found, similarity=similarity),)


def test_with_few_words_in_common_meaning_decides() -> None:
    text = "Where do people put the oars?"
    assert "behind the door" in ask(text, alike(0.7))
    assert ask(text, alike(0.2)).startswith("I don't know")


def test_meaning_is_not_asked_of_other_languages_which_the_embedder_reads_badly() -> None:
    [found] = document(("haus.md", "Bootshaus", "Der Schlüssel liegt beim Blumentopf."))
    unlike = (msgspec.structs.replace(found, similarity=0.1),)
    assert "Blumentopf" in ask("Wo liegt der Schlüssel vom Bootshaus?", unlike)


def test_a_question_in_a_paragraph_is_answered_by_what_follows_it() -> None:
    asked = "Ropes hang in the loft. How do I book a mooring? Ask Oona by letter before the season begins."
    section = document(("faq.md", "Moorings", f"Berths are let by the year. The pier has nine of them.\n\n{asked}"))
    said = ask("How do I book a mooring?", section)
    assert "Ask Oona by letter" in said
    assert "Berths" not in said


def test_where_the_original_is_asked_for_nothing_else_will_do() -> None:
    only_new = document(("plan.md", "Harbour day", "The harbour day is moved to 9 June 2031 because of the dredger."))
    assert ask("When should the harbour day take place originally?", only_new).startswith("I don't know")


def test_of_a_long_paragraph_the_sentence_is_quoted_with_what_leans_on_it() -> None:
    filler = "We talked for a while about gulls, tides and the price of varnish in the town. " * 3
    long = document(("day.md", "Day", f"{filler}Oona repairs the bilge pump. She needs a new valve. {filler}"))
    said = ask("Who repairs the bilge pump?", long)
    assert said == 'From day.md, "Day": "Oona repairs the bilge pump. She needs a new valve." [1]'


@pytest.mark.parametrize(
    ("asked", "quoted"),
    [
        ("Wie hoch ist die Kaltmiete?", "Die Kaltmiete beträgt 840 Euro."),
        ("Wie schwer ist der Ofen?", "Der Ofen wiegt 30 kg."),
        ("Wie hoch ist die Kaution?", ""),
        ("Wie hoch ist der Ofen?", ""),
    ],
)
def test_an_amount_answers_a_german_how_high(asked: str, quoted: str) -> None:
    rooms = document(
        ("miete.md", "Wohnung > Miete", "Die Kaltmiete beträgt 840 Euro."),
        ("ofen.md", "Wohnung > Ofen", "Der Ofen wiegt 30 kg."),
        ("ofen.md", "Wohnung > Kaution", "Über die Kaution wird gestritten."),
    )
    said = ask(asked, rooms)
    assert f'"{quoted}"' in said if quoted else said.startswith("I don't know")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("When are the bins emptied?", "The bins are emptied on Tuesdays."),
        ("Wann werden die Mülltonnen geleert?", "Die Mülltonnen werden dienstags geleert."),
        ("¿Cuándo se limpia la piscina?", "La piscina se limpia los sábados."),
    ],
)
def test_a_day_of_every_week_answers_when(asked: str, told: str) -> None:
    assert told in ask(asked, document(("haus.md", "Haus", told)))


def test_of_a_taught_table_the_row_is_told_that_is_asked_for() -> None:
    [fees] = [memory for memory in CLUB if (memory.source or "").startswith("fees.md")]
    said = ask("What does the Otter cost for a day?", (msgspec.structs.replace(fees, taught=True),))
    assert "Otter" in said
    assert "Skiff" not in said


LISTING = '''def parse_frame(raw):
    """LoRa frame: 2 bytes gauge id, 1 byte battery."""

    return Reading(raw)'''
CODE = document(
    (
        "code.md",
        "Code notes",
        f"Of the gateway:\n\n```python\n{LISTING}\n```\n\nIt is old.",
    ),
    (
        "sql.md",
        "Queries",
        "```sql\n-- latest reading of each gauge\nselect distinct on (gauge_id) level from readings;\n```",
    ),
)


def test_a_listing_is_quoted_whole_without_its_fences() -> None:
    said = ask("Which function parses a LoRa frame?", CODE)
    assert said == f'From code.md, "Code notes":\n"{LISTING}" [1]'
    said = ask("What is the SQL for the latest reading of each gauge?", CODE)
    assert "select distinct on (gauge_id) level from readings;" in said
    assert "```" not in said


def test_a_line_that_only_dates_a_document_is_not_quoted_with_what_stands_below_it() -> None:
    notes = document(("minutes.md", "Review", "date: 2026-10-14\nCause: the certificate of the gateway had ended."))
    assert ask("What was the cause of the review?", notes) == (
        'From minutes.md, "Review": "Cause: the certificate of the gateway had ended." [1]'
    )


OLD_HOME = "My sister Morag lives in Inverness and works as a vet."
NEW_HOME = "Morag moved to Aberdeen in June. She teaches biology at the university now."


def test_the_newer_of_two_documents_that_say_another_value_of_the_same_answers() -> None:
    older, newer = document(("old.md", "Family", OLD_HOME), ("new.md", "Family", NEW_HOME))
    older = msgspec.structs.replace(older, occurred_at="2024-10-01T00:00:00+00:00")
    newer = msgspec.structs.replace(newer, occurred_at="2026-07-20T00:00:00+00:00")
    for notes in ((older, newer), (newer, older)):
        assert "Aberdeen" in ask("Where does Morag live now?", notes)
        assert "Inverness" not in ask("Where does Morag live now?", notes)


def said(number: int, text: str, day: str) -> MemoryPart:
    return MemoryPart(number=number, id=f"m{number}", text=text, author="user", occurred_at=f"{day}T09:00:00+00:00")


@pytest.mark.parametrize(
    ("question", "older", "newer", "values"),
    [
        ("Where does Pavel live?", "My colleague Pavel lives in Perth.", "Pavel lives in Oban.", ("Perth", "Oban")),
        (
            "What is my favourite tea?",
            "My favourite tea is lapsang souchong.",
            "I've changed my mind, my favourite tea is now rooibos.",
            ("lapsang", "rooibos"),
        ),
        ("Wo wohnt Pavel?", "Pavel wohnt in Perth.", "Pavel wohnt jetzt in Oban.", ("Perth", "Oban")),
    ],
)
def test_the_newer_of_two_sentences_that_say_another_value_of_the_same_answers(
    question: str, older: str, newer: str, values: tuple[str, str]
) -> None:
    for days in (("2024-10-01", "2026-07-20"), ("2026-07-20", "2026-07-21")):
        one, other = said(1, older, days[0]), said(2, newer, days[1])
        for memories in ((one, other), (other, one)):
            assert values[1] in ask(question, memories)
            assert values[0] not in ask(question, memories)
    swapped = (said(1, older, "2026-07-20"), said(2, newer, "2024-10-01"))
    assert values[0] in ask(question, swapped)


def test_what_adds_to_another_does_not_replace_it() -> None:
    memories = (said(1, "Ann likes green tea.", "2024-10-01"), said(2, "Ann likes black coffee.", "2026-07-20"))
    answer = ask("What does Ann like?", memories)
    assert "tea" in answer
    assert "coffee" in answer
