"""The form of a sentence tells whether it asks, requests or states."""

import pytest

from soma.agent.language.speech import has_statement, is_bare_name, is_question, is_request, orders_to_remember_nothing


@pytest.mark.parametrize(
    "text",
    [
        "read the document note.md",
        "Please read it.",
        "ok, now tell me about Lisbon",
        "I'd like you to summarise the plan",
        "Hey Soma, show my notes!",
    ],
)
def test_an_order_to_the_agent_is_a_request(text):
    assert is_request(text)


@pytest.mark.parametrize(
    "text",
    ["remember that my cat is called Miso", "I read a book", "Reading is fun", "Look, my cat is here", "please", ""],
)
def test_what_tells_something_is_none(text):
    assert not is_request(text)


@pytest.mark.parametrize("text", ["what is my cat called", "can you read it", "Miso?"])
def test_a_question_needs_no_mark(text):
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "wher are the wintr tires stored", "waht is the wifi password", "hwo is my dentist", "wich are my keys",
        "wo liegen die Winterreifen", "welcher Tag ist heute", "où est la clé", "quel jour est le marché",
        "dónde está la llave", "cómo se llama mi dentista",
    ],
)  # fmt: skip
def test_a_question_may_be_mistyped_or_of_another_language(text):
    assert is_question(text)
    assert not has_statement(text)


@pytest.mark.parametrize(
    "text",
    [
        "wheat is in the cellar", "Wren is my sister", "the tires are in the cellar", "how I met Ann",
        "wet are the towels",
        "two are missing", "there is a key", "hen is brown", "Wo der Hund liegt, ist es warm", "Cuando es verano, nado",
        "wool is warm", "Wher are the keys, she wrote.",
    ],
)  # fmt: skip
def test_a_word_like_a_question_word_asks_nothing(text):
    assert not is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "which present for Mirabel",
        "my cabin code please",
        "my cabin code, please",
        "my cabin code",
        "the number of the boiler",
        "whose birthday tomorrow",
        "mein Hüttencode bitte",
        "mon code s'il te plaît",
        "mi código por favor",
    ],
)
def test_a_name_without_a_verb_states_nothing(text):
    assert is_bare_name(text)
    assert not has_statement(text)


@pytest.mark.parametrize(
    "text",
    [
        "my cabin code is 8810-QUILL", "my cabin code 8810", "my cabin code: quill", "My dog bit the postman",
        "my dog barks", "our kids love tuna", "the boiler broke", "my sister moved out", "my wife and son, Oslo",
        "Rex barks", "Ann vegan", "Had lunch with Ann", "dentist on Monday", "Ich liebe Pizza", "mein Hund heißt Rex",
        "mein Hund bellt", "my cat.", "I like my code please", "call me Al please", "What matters to me is family", "",
        "my name's Al", "please", "我的狗叫豆豆",
    ],
)  # fmt: skip
def test_what_may_be_a_statement_is_not_taken_for_a_name(text):
    assert not is_bare_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "ห้องพักโรงแรมเบอร์อะไร", "กุญแจอยู่ที่ไหน", "ประชุมเมื่อไหร่", "ใครมา", "ราคาเท่าไหร่", "มีกี่คน", "ว่างไหมครับ",
        "会議はいつ", "駅はどこ", "鍵は誰が持っている", "家賃はいくら", "番号は何",
        "会議は明日ですか", "鍵はありますか。", "行ったか",
    ],
)  # fmt: skip
def test_a_question_in_thai_or_japanese_needs_no_mark(text):
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "ห้อง 47 อยู่ชั้นสี่", "ไม่มีอะไรในตู้", "ใครๆ ก็ชอบ", "เกี่ยวกับงาน", "อะไรก็ได้", "ผ้าไหมสีแดง",
        "会議は木曜日です", "何か食べた。", "いつも七時に起きる", "誰も来なかった",
        "ここは静か", "どこでも寝る", "鍵は引き出しにあります",
    ],
)  # fmt: skip
def test_a_statement_in_thai_or_japanese_is_no_question(text):
    assert not is_question(text)


@pytest.mark.parametrize(
    "text", ["remember", "Remember that!", "please note this down", "merk dir das", "recuerda esto", "覚えて"]
)
def test_an_order_to_remember_may_hold_nothing_to_remember(text):
    assert orders_to_remember_nothing(text)


@pytest.mark.parametrize(
    "text", ["remember that Ann left", "note: milk", "Remember me", "merk dir den Code 12", "I remember that"]
)
def test_an_order_that_says_what_to_remember_holds_it(text):
    assert not orders_to_remember_nothing(text)
