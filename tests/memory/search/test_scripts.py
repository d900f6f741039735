"""Words are found in every script, in every spelling of Unicode, and with the signs that belong to them."""

import unicodedata

import pytest

from soma.memory.text.folding import ASSIGNED, fold, strip_accents
from soma.memory.text.words import index_words, question_forms, question_signs, tokens
from soma.memory.types import NewMemory, Query
from soma.memory.views import VIEWS

CHINESE = (
    "我对花生过敏",
    "我的狗叫豆豆",
    "我在学习弹钢琴",
    "星期五我要和牙医见面",
    "我住在成都",
    "我姐姐在上海工作",
    "我每天早上跑步",
    "我喜欢喝绿茶",
    "妈妈的生日是五月三号",
    "我们去年去了云南旅游",
    "我的车是蓝色的",
    "他在银行上班",
    "我儿子今年上小学",
    "周末我常去图书馆",
    "我不吃辣",
    "这个月房租三千块",
    "我最喜欢的电影是霸王别姬",
    "医生说我要多休息",
    "邻居家有一只猫",
    "我打算明年换工作",
)
OTHERS = {
    "Japanese": ("昨日はしりとりをして遊んだ", "京都に三年住んでいた", "猫の名前はタマです", "コーヒーより紅茶が好き"),
    "Thai": ("ฉันชอบดื่มโกโก้ตอนเช้า", "ตู้เย็นเสียเมื่อวานนี้", "แมวของฉันชื่อมะลิ", "พี่สาวอยู่เชียงใหม่"),
    "Lao": ("ຂ້ອຍຢູ່ວຽງຈັນ", "ໝາຂອງຂ້ອຍຊື່ດຳ"),
    "Khmer": ("ខ្ញុំរស់នៅភ្នំពេញ", "ឆ្មារបស់ខ្ញុំឈ្មោះមីមី"),
    "Burmese": ("ကျွန်တော်ရန်ကုန်မှာနေတယ်", "ခွေးနာမည်ကနီနီ"),
    "Hindi": ("मेरे कुत्ते का नाम मोती है", "मैं दिल्ली में रहता हूँ", "मेरी माता जी डॉक्टर हैं"),
    "Arabic": ("أسكن في الإسكندرية منذ سنة", "اسم قطتي لؤلؤة", "أختي طبيبة"),
    "Korean": ("나는 부산에 산다", "우리 강아지 이름은 콩이"),
}
IN_OTHERS = (
    ("しりとり", "しりとり"),
    ("京都", "京都"),
    ("タマ", "タマ"),
    ("紅茶", "紅茶"),
    ("โกโก้", "โกโก้"),
    ("ตู้เย็น", "ตู้เย็น"),
    ("มะลิ", "มะลิ"),
    ("ວຽງຈັນ", "ວຽງຈັນ"),
    ("ភ្នំពេញ", "ភ្នំពេញ"),
    ("ရန်ကုန်", "ရန်ကုန်"),
    ("मोती", "मोती"),
    ("दिल्ली", "दिल्ली"),
    ("माता", "माता"),
    ("الاسكندرية", "الإسكندرية"),
    ("الإسكندريه", "الإسكندرية"),
    ("لولوه", "لؤلؤة"),
    ("부산에", "부산에"),
    ("부산", "부산에"),  # without its particle
    ("이름", "이름은"),
)
SPELLINGS = (
    ("We flew to İstanbul in May.", "istanbul"),
    ("Wir wohnen in der Hauptstraße 5.", "HAUPTSTRASSE"),
    ("An inter\u00adnational school.", "international"),
    ("The o\ufb03ce \ufb01le is blue.", "office file"),
    ("Chapter \u2163 was dull.", "IV"),
    ("We met at the café Zoë liked.", "cafe Zoe"),
    ("We met at the cafe\u0301 on Monday.", "café Monday"),
    ("The naive painter lives here.", "naïve"),
    ("Send me an e-mail about the boat.", "email boat"),
    ("His email is on the wall.", "e-mail wall"),
    ("The rent was 1,250.50 in total.", "1250.50"),
    ("The deposit was 2350.75 in total.", "2,350.75"),
    ("The ＦＵＬＬ width sign.", "full width"),
    ("Ｘ² of the sum.", "x2"),
    ("Łódź is far from here.", "lodz"),
    ("Smørrebrød for lunch.", "smorrebrod"),
    ("Ünlü şarkıcı geldi.", "ünlü sarkici"),
    ("ΟΔΥΣΣΕΥΣ came home.", "οδυσσευς"),
    ("Ёлка стоит в углу.", "елка"),
    ("zero\u200bwidth joins.", "zerowidth"),
    ("Soma™ is written here.", "soma written"),
)
SIGNED = (
    ("My first program was in C++ back then.", "C++"),
    ("The new service is written in C#, says Ana.", "C#"),
    ("Bob prefers plain C for drivers.", None),
    ("A fox 🦊 came into the garden.", "🦊"),
    ("She loves ❤️ this song.", "❤"),
    ("Well done 👍🏽 to all.", "👍"),
    ("The sign says A → B on the door.", "→"),
    ("The ticket was 12€ in the end.", "€"),
    ("Anna wrote :-) under it.", ":-)"),
    ("The F# note is too high.", "F#"),
    ("We rose by 50% since May.", "50%"),
    ("There are 50 chairs here.", None),
)


async def remembered(memory, owner, texts):
    await memory.remember(owner, [NewMemory(text=text) for text in texts])


async def found(memory, owner, text):
    return [record.text for record in (await memory.search(owner, text)).items]


async def ranked(memory, owner, text):
    """The texts by all views under their shipped weights, the best first."""
    hits = list(await memory.candidates(owner, Query(text=text)))
    score = {hit.text: sum(VIEWS[name].weight * level for name, level in hit.views.items()) for hit in hits}
    return sorted(score, key=lambda text: -score[text])


async def test_parts_of_a_run_without_blanks_are_found(memory, alice):
    everything = [*CHINESE, *(text for texts in OTHERS.values() for text in texts)]
    await remembered(memory, alice, everything)
    for word in ("花生", "豆豆", "钢琴", "牙医", "成都", "绿茶", "图书馆", "猫"):
        assert await found(memory, alice, word) == [text for text in reversed(everything) if word in text]
    for word, inside in IN_OTHERS:
        assert await found(memory, alice, word) == [text for text in reversed(everything) if inside in text], word
    for question, answer in (
        ("我对什么过敏？", "花生"),
        ("我的狗叫什么名字", "豆豆"),
        ("牙医", "牙医"),
        ("钢琴", "钢琴"),
        ("豆豆", "豆豆"),
        ("ตู้เย็น", "ตู้เย็น"),
        ("मोती कौन है?", "मोती"),
        ("京都にいつ住んでいた？", "京都"),
    ):
        assert answer in (await ranked(memory, alice, question))[0], question


@pytest.mark.parametrize("decomposed", [False, True])
async def test_the_same_word_is_found_in_another_spelling(memory, alice, decomposed):
    def spelt(text):
        return unicodedata.normalize("NFD", text) if decomposed else text

    await remembered(memory, alice, [spelt(text) for text, _ in SPELLINGS])
    for text, query in SPELLINGS:
        assert spelt(text) in await found(memory, alice, query), query
        assert spelt(text) in await found(memory, alice, query.swapcase()), query


async def test_signs_find_what_holds_them_first(memory, alice):
    await remembered(memory, alice, [text for text, _ in SIGNED])
    for text, query in SIGNED:
        if query is not None:
            assert await found(memory, alice, query) == [text], query
    for query in ("C#", "C++", "🦊", "❤️", "→", "Which service uses C#?", "Who came, 🦊?"):
        [wanted] = [text for text, sign in SIGNED if sign and sign in query]
        assert (await ranked(memory, alice, query))[0] == wanted, query
    assert {text for text, _ in SIGNED if " C" in text} <= set(await found(memory, alice, "C"))
    assert await found(memory, alice, "@Anna") == [text for text, _ in SIGNED if "Anna" in text]


def test_a_word_of_any_letters_is_found_by_itself_in_every_case():
    """Whatever a letter folds to, a text with it is found by it in capitals, small, composed and decomposed."""
    for code in ASSIGNED:
        letter = chr(code)
        if not letter.isalnum() or (fold(letter) == letter == strip_accents(letter) and code % 50):
            continue
        held = set(index_words(f"a {letter}b{letter} c"))
        for spelt in (letter, letter.upper(), letter.lower(), unicodedata.normalize("NFD", letter)):
            wanted = question_forms(f"{spelt}b{spelt}")
            assert wanted, hex(code)
            assert all(held.intersection(forms) for forms in wanted), (hex(code), wanted)


def test_every_sign_outside_of_ascii_is_found_by_itself():
    for code in ASSIGNED:
        sign = chr(code)
        if unicodedata.category(sign) == "So":
            wanted = [*question_signs(sign), *(form for forms in question_forms(sign) for form in forms)]
            assert not wanted or set(wanted) & set(index_words(f"a {sign} b")), hex(code)


def test_folding_is_done_once_and_for_all():
    for code in ASSIGNED:
        once = fold(f"a{chr(code)}b")
        assert fold(once) == once, hex(code)
        assert strip_accents(strip_accents(once)) == strip_accents(once), hex(code)


def test_plain_english_is_cut_as_ever():
    assert tokens("Anna's self-care ISN'T over; O'Neil_2 paid 3.50.") == [
        "anna", "self", "care", "isn't", "over", "o'neil", "2", "paid", "3", "50",
    ]  # fmt: skip
    assert index_words("We went home early") == ["we", "went", "home", "earli"]
