"""Text from outside is cleaned before it is shown."""

from soma.agent.tools.untrusted import clean


def test_control_and_hidden_characters_go_and_lines_stay() -> None:
    assert clean("a\x1b[31mb\x00\r\n\tc\u202edetsurt\u200b\U000e0041\ud800", 100) == "a[31mb\n\tcdetsurt"


def test_long_text_is_cut_and_says_so() -> None:
    cut = clean("x" * 50_000, 16_000)
    assert len(cut) == 16_000
    assert cut.endswith("[cut: 50,000 characters in all]")
