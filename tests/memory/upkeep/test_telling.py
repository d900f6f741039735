"""Words that consolidation counts as in common, and questions, in scripts without spaces too."""

import pytest

from soma.memory.upkeep.telling import asks, find_content_pairs, only_questions


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("会議は新橋の事務所であります。", {"会議", "新橋", "事務", "務所"}),
        ("これはそのままにしておいてください。", set()),
        ("今日は二十四台を買いました。", set()),
        ("セッションとクッション", set()),
        ("リチウム電池", {"リチ", "チウ", "ウム", "電池"}),
        ("我们的会议在上海。", {"会议", "上海"}),
        ("항구 관리자에게 전화했다", {"항구", "관리", "전화"}),
        ("ผู้จัดการท่าเรือชื่อสมชาย", set()),
        ("The harbour master rang.", set()),
    ],
)
def test_a_pair_of_signs_tells_where_it_is_of_a_word_with_a_meaning(text, pairs):
    assert find_content_pairs(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "Where is the key?",
        "where is the key",
        "鍵はどこですか？",
        "鍵はどこですか。",
        "鍵はどこですか",
        "你有钥匙吗",
        "열쇠가 있습니까",
        "กุญแจอยู่ที่นี่ไหมครับ",
        "هل المفتاح هنا؟",
        "Where is the key? And the lamp?",
    ],
)
def test_a_text_that_only_asks_is_a_question_with_or_without_its_mark(text):
    assert only_questions(text)


@pytest.mark.parametrize(
    "text", ["The key is here.", "鍵はここです。", "彼は中華を食べました。", "열쇠는 여기 있다", "Why? It is late."]
)
def test_a_text_that_says_something_is_none(text):
    assert not only_questions(text)


def test_a_sentence_is_asked_about_alone():
    assert asks("鍵はどこですか？")
    assert not asks("鍵は机の上です。")
