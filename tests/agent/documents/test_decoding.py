"""Text files as people have them are read as what they are; what is a guess is said to be one."""

import pytest

from soma.agent.documents.decoding import DecodedText, NotText, read_text

TEXT = "Zürich – „Straße“ kostet 5 €\r\nzweite Zeile\n"


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_a_text_is_read_in_whatever_it_was_written(codec, encoding):
    assert read_text(TEXT.encode(codec)) == DecodedText(TEXT, encoding, is_guess=encoding == "Windows-1252")


def test_either_order_of_bytes_is_told_by_the_mark():
    for codec, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        assert read_text(mark + "né 猫".encode(codec)).text == "né 猫"


def test_letters_of_latin_1_are_those_of_windows():
    assert read_text("café, Übermut".encode("latin-1")).text == "café, Übermut"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00", "begins as UTF-16"),
        (b"\xff\xfe\x00\xd8", "begins as UTF-16"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff", "control characters"),
        (b"\x7fELF\x02\x01\x01\x00\xc3", "control characters"),
        (b"\x81\x8d", "not text in"),
        ("UTF-16 without a mark".encode("utf-16-le"), "NUL characters; if it is UTF-16"),
        ("Grüße aus Köln, schöne Tage".encode() + b"\xff and more", "UTF-8 that breaks at byte 31"),
        ("Grüße aus Köln".encode()[:-4] + b"\xc3", "UTF-8 that breaks"),
    ],
)
def test_what_is_no_text_is_not_guessed_at(content, reason):
    with pytest.raises(NotText, match=reason):
        read_text(content)
