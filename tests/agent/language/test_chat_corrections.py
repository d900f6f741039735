"""A correction in the chat is read only where a message says what is right, as an answer to the question before."""

import pytest

from soma.agent.language.chat_corrections import answered_question, is_only_a_denial, points_back, right_value_in

LIVES, DUE, FERRY = "Where does Pavel live?", "When is the invoice due?", "How do I get to Harris?"
MANY, CODE = "How many people does the tent sleep?", "What is the code of the alarm?"


@pytest.mark.parametrize(
    ("question", "message", "stated"),
    [
        # a denial, and a sentence about what was asked for
        (CODE, "no, it is 4321", "It is 4321"),
        (CODE, "no it is 4321", "It is 4321"),
        ("Which car is hers?", "No, it was the blue one.", "It was the blue one."),
        (CODE, "No. It's 4321 since last May. Thanks!", "It's 4321 since last May."),
        (CODE, "Wrong: the code of the alarm is 4321.", "The code of the alarm is 4321."),
        ("Where was she born?", "That's not right - she was born in Porto.", "She was born in Porto."),
        (DUE, "no, sorry, it was Tuesday", "It was Tuesday"),
        (LIVES, "no, he lives in Dundee", "He lives in Dundee"),
        (LIVES, "You're wrong, Pavel moved to Dundee.", "Pavel moved to Dundee."),
        (LIVES, "No, that's wrong. He moved to Dundee in May.", "He moved to Dundee in May."),
        ("Where do I live?", "No, I live in Dundee.", "I live in Dundee."),
        ("Wie lautet das Passwort?", "Nein, das Passwort lautet otter-4471.", "Das Passwort lautet otter-4471."),
        ("Wie heißt sie?", "Das stimmt nicht, sie heißt Lena.", "Sie heißt Lena."),
        ("Wo wohnt Pavel?", "Nein, er wohnt in Dundee.", "Er wohnt in Dundee."),
        ("Wo wohnt Pavel?", "Du irrst dich, Pavel ist nach Dundee gezogen.", "Pavel ist nach Dundee gezogen."),
        ("Quand est la réunion ?", "non, c'était mardi", "C'était mardi"),
        ("Quel est le code ?", "Non, le code est 4321.", "Le code est 4321."),
        ("Comment s'appelle-t-elle ?", "C'est faux : elle s'appelle Léa.", "Elle s'appelle Léa."),
        ("Où habite Pavel ?", "Non, il habite à Dundee.", "Il habite à Dundee."),
        ("Où habite Pavel ?", "Tu te trompes, Pavel a déménagé à Dundee.", "Pavel a déménagé à Dundee."),
        ("¿Cuándo fue?", "no, era el martes", "Era el martes"),
        ("¿Cuándo cierra la oficina?", "No, cierra a las siete.", "Cierra a las siete."),
        ("¿Dónde vive Pavel?", "Te equivocas, Pavel vive en Dundee.", "Pavel vive en Dundee."),
        ("¿Cuál es la clave?", "Eso no es correcto: la clave es 4321.", "La clave es 4321."),
        ("金庫の番号は何ですか？", "違います、5830です", "5830です"),
        ("パベルはどこに住んでいますか？", "いいえ、ダンディーに住んでいます。", "ダンディーに住んでいます。"),
        # a denial, and the value alone
        (CODE, "No, 4321.", "4321."),
        (MANY, "Nope, six.", "Six."),
        (DUE, "Wrong: 5 May.", "5 May."),
        (LIVES, "No, Dundee.", "Dundee."),
        (FERRY, "No, that's wrong. By the CalMac ferry from Uig.", "By the CalMac ferry from Uig."),
        ("Wann ist das Fest?", "Nein, am 3. Mai", "Am 3. Mai"),
        ("Wie viele Stühle haben wir?", "Falsch, sieben.", "Sieben."),
        ("Combien de chaises avons-nous ?", "Non, sept.", "Sept."),
        ("¿Cuándo es la fiesta?", "No, el 3 de mayo.", "El 3 de mayo."),
        # one value against another
        (DUE, "not 7 May but 9 May", "9 May."),
        (DUE, "It is 10 May, not 9 May.", "It is 10 May."),
        (DUE, "It's not 7 May, it's 9 May.", "It's 9 May."),
        (LIVES, "He doesn't live in Perth but in Dundee.", "In Dundee."),
        ("Wann ist das Fest?", "Nicht am 3. Mai, sondern am 5. Mai.", "Am 5. Mai."),
        ("Wo wohnt Pavel?", "Er wohnt nicht in Perth, sondern in Dundee.", "In Dundee."),
        ("Quand est la réunion ?", "Pas mardi mais jeudi.", "Jeudi."),
        ("Quand est la réunion ?", "C'est jeudi, pas mardi.", "C'est jeudi."),
        ("¿Cuándo es la fiesta?", "No el martes sino el jueves.", "El jueves."),
        ("会議はいつですか？", "火曜日じゃなくて木曜日です", "木曜日です."),
        # a word that may begin a correction, and a sentence that answers the question
        (DUE, "Actually, it's 7 May.", "It's 7 May."),
        (LIVES, "Actually he is in Dundee.", "He is in Dundee."),
        (LIVES, "Actually, Pavel lives in Dundee now.", "Pavel lives in Dundee now."),
        ("Wann ist das Fest?", "Eigentlich ist das Fest am 5. Mai.", "Eigentlich ist das Fest am 5. Mai."),
        ("Quand est la réunion ?", "En fait, c'est jeudi.", "C'est jeudi."),
        ("¿Cuándo es la fiesta?", "En realidad, es el jueves.", "Es el jueves."),
        ("金庫の番号は何ですか？", "実は5830です", "5830です"),
    ],
)  # fmt: skip
def test_the_right_value_is_read_in_five_languages(question: str, message: str, stated: str | None) -> None:
    assert right_value_in(message, question) == stated


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("Where do we spend Easter?", "Actually it is Sondervig."),
        ("Where do we spend Easter?", "It is Sondervig."),
        ("Where do we spend Easter?", "In Sondervig."),
        (DUE, "On 5 May."),
        (MANY, "Six."),
        ("Wo sind wir an Ostern?", "In Sondervig."),
        ("Wo sind wir an Ostern?", "Es ist Sondervig."),
        ("¿Cuándo es la fiesta?", "Es el jueves."),
        ("会議はいつですか？", "木曜日です"),
    ],
)
def test_an_answer_told_plainly_counts_only_where_there_was_none(question: str, message: str) -> None:
    assert right_value_in(message, question, is_unanswered=True) is not None
    if not message.startswith("Actually"):
        assert right_value_in(message, question) is None


SMALL = (
    "no", "No.", "no, thanks", "No thanks, it is late.", "no thank you", "no, never mind", "no, wait", "No, later.",
    "no, it's fine, thanks", "No, that is wrong.", "No, it is not.", "No, it isn't 9 May.", "No, I don't like it",
    "no, not yet", "not now but thanks", "Thanks, not now", "no, what about Rex?", "no, and Rex", "No, is it 4321?",
    "actually, where is he?", "actually, what about Rex?", "Actually, never mind.", "Actually, thanks!",
    "actually it's fine", "Actually, I have another question.", "Actually, that's great.",
    "Actually, tell me about Rex.", "In fact, it's raining.", "No, show me the document a.md", "No, leave them.",
    "No, forget it.", "no, I mean the other one", "No, I meant Peter.", "No, I was asking about Rex.",
    "No, I said May.", "no, the other one", "no, in a minute", "no, of course", "No, for now.", "No, I like it.",
    "I want tea, not coffee.", "It's fine, not great.", "No one is home.", "No, let me think.",
    "Notes: it is late.", "It is a pity.", f"No, it is {'long ' * 80}.", "nein danke", "Nein, das ist falsch.",
    "Nein, schon gut.", "nein, und Rex?", "Nein, ich meine Peter.", "Nein, warte.", "Eigentlich ist das egal.",
    "eigentlich, wo ist er?", "nein, zeig mir die Liste", "Nein, im Moment nicht.", "Nein, vergiss es.",
    "non merci", "Non, c'est bon.", "non, et Rex ?", "Non, je parle de Paul.", "Non, attends.",
    "En fait, où est-il ?", "Non, laisse.", "En fait, c'est bon.", "non, pas encore", "No, gracias.",
    "no, está bien", "no, ¿y Rex?", "No, me refiero a Pablo.", "No, espera.", "En realidad, ¿dónde está?",
    "No vive en Perth.", "No, déjalo.", "no, por favor", "no, todavía no", "いいえ、結構です", "いいえ、大丈夫です",
    "いや、レックスは？", "いいえ、ありがとう", "違います", "いや、ちょっと待って", "違います、レックスのことです",
    "実は、彼はどこですか", "いいえ、わかりません", "いいえ、見せてください",
)  # fmt: skip


@pytest.mark.parametrize(
    "question", [LIVES, DUE, CODE, "Wo wohnt Pavel?", "¿Cuándo cierra la oficina?", "会議はいつですか？"]
)
@pytest.mark.parametrize("message", SMALL)
def test_small_talk_questions_and_orders_correct_nothing(message: str, question: str) -> None:
    assert right_value_in(message, question, "It is 4321 [1].") is None
    assert right_value_in(message, question, is_unanswered=True) is None


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (LIVES, "No, Pavel."),
        (LIVES, "no, he called me yesterday?"),
        (LIVES, "In fact, he is nice."),
        (DUE, "No, the invoice."),
        (DUE, "No, it is overdue."),
        (MANY, "No, they sleep well."),
        (CODE, "It is 4321."),
        (CODE, "The alarm is loud."),
        (LIVES, "He lives in Dundee."),
    ],
)
def test_what_answers_another_question_corrects_nothing(question: str, message: str) -> None:
    assert right_value_in(message, question) is None


def test_a_contrast_with_the_answer_itself_is_plain_enough() -> None:
    assert right_value_in("blue, not green", "What is the door like?", "It is green [1].") == "Blue."
    assert right_value_in("cheap, not good", "What is the door like?", "It is green [1].") is None


def test_a_bare_denial_says_nothing() -> None:
    assert all(
        map(is_only_a_denial, ("No.", "That's wrong.", "No, that's wrong.", "You're wrong!", "違います。", "Falsch"))
    )
    assert not any(
        map(is_only_a_denial, ("No, it is 4321.", "Wrong way home.", "No dogs allowed.", "違います、5830です"))
    )


@pytest.mark.parametrize(
    "sentence", ["no, it is 4321", "Nope, six.", "No, 4321.", "Nein, er wohnt in Kiel.", "違います、5830です"]
)
def test_a_denial_of_nothing_named_points_back(sentence: str) -> None:
    assert points_back(sentence)


@pytest.mark.parametrize(
    "sentence",
    ["No, my dentist is Dr Lund.", "No, is it 4321?", "It is 4321.", "No dogs live here.", "いいえ、番号は5830です"],
)
def test_a_denial_that_names_what_it_is_about_does_not(sentence: str) -> None:
    assert not points_back(sentence)


def test_a_kept_correction_says_what_it_is_about() -> None:
    assert answered_question("What is\n the code?", "It is 4321.") == "What is the code? It is 4321."
    long = f"{'I went on and on. ' * 40} What is the code?"
    assert answered_question(long, "It is 4321.") == "What is the code? It is 4321."
