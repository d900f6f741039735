"""Words of time, number and persons, and ways to ask for these: one table a language, as data. Pure.

Tables are written with their accents and compared without. A text is read by the table of its language alone: `mars`
is a month in French and a planet in English. A text whose language does not show is read by all tables, but for words
that mean something else in another language.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from soma.memory.text.folding import fold, strip_accents
from soma.memory.text.languages import ENGLISH, FRENCH, GERMAN, SPANISH, Language, detect_language


def plain(text: str) -> str:
    """Return the text in one spelling, without accents: as the tables are compared."""
    return strip_accents(fold(text))


def _words(text: str) -> frozenset[str]:
    return frozenset(plain(text).split())


def _spellings(text: str) -> frozenset[str]:
    """Return words with their accents: `que` is no question where `qué` is."""
    return frozenset(fold(text).split())


@dataclass(frozen=True)
class Vocabulary:
    """The table of a language. Patterns are parts of regular expressions; of `months` each has its spellings.

    Those of `months_beside_days` are months only beside a day. `days_back` counts the days from each phrase to today,
    longer phrases before those that they hold. `first_words` and `second_words` begin a question together.
    """

    first_person: frozenset[str]
    second_person: frozenset[str]
    times: frozenset[str]
    numbers: frozenset[str]
    first_words: frozenset[str]
    second_words: frozenset[str]
    months: tuple[str, ...]
    days_back: tuple[tuple[str, int], ...]
    when: str
    number: str
    latest: str
    first: str
    months_beside_days: tuple[str, ...] = ()

    @cached_property
    def asks_when(self) -> re.Pattern[str]:
        return _whole(self.when)

    @cached_property
    def asks_number(self) -> re.Pattern[str]:
        return _whole(self.number)

    @cached_property
    def asks_latest(self) -> re.Pattern[str]:
        return _whole(self.latest)

    @cached_property
    def asks_first(self) -> re.Pattern[str]:
        return _whole(self.first)

    @cached_property
    def month_numbers(self) -> dict[str, int]:
        spellings = [*enumerate(self.months, 1), *enumerate(self.months_beside_days, 1)]
        return {name: number for number, names in spellings for name in plain(names).split("|") if name}

    @cached_property
    def month(self) -> re.Pattern[str]:
        return _whole("|".join(self.months))

    @cached_property
    def day(self) -> re.Pattern[str]:
        """Match a day (`before`, `after`) beside its month (`of`, `month`)."""
        names = "|".join(self.month_numbers)
        return re.compile(
            rf"\b(?P<before>\d{{1,2}})(?:st|nd|rd|th|er|o|\.)?,?\s*(?:(?:of|de)\s+)?(?P<of>{names})\b"
            rf"|\b(?P<month>{names})\s+(?P<after>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:-])"
        )

    @cached_property
    def relative_days(self) -> tuple[tuple[re.Pattern[str], int], ...]:
        return tuple((_whole(plain(phrase)), days) for phrase, days in self.days_back)


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{plain(pattern)})\b")


_ENGLISH = Vocabulary(
    first_person=_words("i me my mine we us our ours"),
    second_person=_words("you your yours"),
    times=_words("""
    yesterday today tonight tomorrow ago last next recently weekend week weeks month months year years monday tuesday
    wednesday thursday friday saturday sunday january february march april may june july august september october
    november december since morning evening earlier soon summer winter spring fall autumn
    """),
    numbers=_words("""
    one two three four five six seven eight nine ten eleven twelve once twice couple several dozen few half hundred
    thousand million
    """),
    first_words=_spellings("what who whom whose where when why how which"),
    second_words=_spellings("""
    is are was were am do does did has have had can could will would shall should may might must long many much often
    old far
    """),
    months=(
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ),
    days_back=(("the day before yesterday", 2), ("yesterday", 1), ("today", 0), ("tonight", 0)),
    when="when|(?:what|which) (?:date|day|month|year|time)|how (?:long|recently|soon)",
    number="how (?:many|much|long|often|old|far)",
    latest="latest|newest|most recent(?:ly)?|last time|currently|right now|nowadays|these days",
    first="earliest|first time|originally|initially|at first|in the beginning",
)  # fmt: skip

_GERMAN = Vocabulary(
    first_person=_words("""
    ich mich mir mein meine meinem meinen meiner meines wir uns unser unsere unserem unseren unserer unseres
    """),
    second_person=_words("""
    du dich dir dein deine deinem deinen deiner deines euch euer eure eurem euren eurer
    """),
    times=_words("""
    gestern vorgestern heute morgen übermorgen abend abends morgens vormittag nachmittag nacht kürzlich neulich
    letzte letzten letzter letztes letztem nächste nächsten nächster nächstes nächstem woche wochen wochenende monat
    monate monaten monats jahr jahre jahren jahres montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
    januar jänner februar märz maerz april mai juni juli august september oktober november dezember seit früher bald
    sommer winter frühling frühjahr herbst
    """),
    numbers=_words("""
    eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf einmal zweimal dreimal paar mehrere dutzend halb
    halbe halben hälfte hundert tausend million millionen
    """),
    first_words=_spellings("was wer wen wem wessen wo wohin woher wann warum wieso weshalb wie welche welcher welches"),
    second_words=_spellings("""
    ist sind war waren bin bist hat habe haben hast hatte hatten kann kannst können könnte wird werden soll sollte muss
    darf macht machen machst heißt heißen lange viel viele oft alt weit
    """),
    months=(
        "januar|jänner|januars", "februar|feber", "märz|maerz", "april", "mai", "juni", "juli", "august", "september",
        "oktober", "november", "dezember",
    ),
    days_back=(("vorgestern", 2), ("gestern", 1), ("heute", 0)),
    when=(
        "wann|wie lange|um wie ?viel uhr|welche[nmrs]? (?:tag|datum|monat|jahr|woche|uhrzeit|zeit)|wie spät"
        "|der wievielte|am wievielten"
    ),
    number="wie ?viele?n?|wie (?:lange|oft|alt|weit|hoch|groß|schwer|teuer)",
    latest=(
        r"(?:neueste|neuste|jüngste|aktuellste)[nmrs]?|aktuell(?:e[nmrs]?)?|letzte[ns] mal|zuletzt|derzeit|zurzeit"
        "|momentan|gerade jetzt|heutzutage|zur zeit"
    ),
    first="früheste[nmrs]?|erste[ns] mal|erstmals|ursprünglich|anfangs|zuerst|am anfang|zu beginn",
)  # fmt: skip

_FRENCH = Vocabulary(
    first_person=_words("je j me m moi mon ma mes mien mienne nous notre nos"),
    second_person=_words("tu te t toi ton ta tes tien tienne vous votre vos"),
    times=_words("""
    hier avant-hier aujourd'hui demain soir matin semaine semaines mois an ans année années week-end weekend lundi mardi
    mercredi jeudi vendredi samedi dimanche janvier février mars avril mai juin juillet août septembre octobre novembre
    décembre dernier dernière derniers dernières prochain prochaine prochains prochaines récemment bientôt depuis tôt
    hiver printemps automne l'été d'été
    """),
    numbers=_words("""
    deux trois quatre cinq six sept huit dix onze douze couple plusieurs douzaine demi demie moitié cent cents mille
    million millions quelques
    """),
    first_words=_spellings("que qu'est-ce qui quoi où quand pourquoi comment combien quel quelle quels quelles"),
    second_words=_spellings("""
    que est est-ce était étaient sont suis es ai as a avons avez ont avait fait fais va vas peut peux dois doit faut de
    """),
    months=(
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
        "décembre",
    ),
    days_back=(("avant-hier", 2), ("hier", 1), ("aujourd'hui", 0), ("ce soir", 0)),
    when=(
        "quand|quelle? (?:jour|date|mois|année|heure|semaine)|combien de temps|depuis quand"
        "|il y a combien"
    ),
    number="combien|quel âge|quelle (?:distance|fréquence|taille|hauteur|quantité)",
    latest=(
        "dernière fois|plus récente?s?|tout(?:e)? derni(?:er|ère)|actuellement|en ce moment|de nos jours|à présent"
    ),
    first="première fois|au départ|au début|initialement|à l'origine|plus ancien(?:ne)?s?|d'abord",
)  # fmt: skip

_SPANISH = Vocabulary(
    first_person=_words("""
    yo me mi mí mis mío mía míos mías conmigo nosotros nosotras nos nuestro nuestra nuestros nuestras
    """),
    second_person=_words("""
    tú tu tus te ti tuyo tuya contigo usted ustedes vosotros vosotras os vuestro vuestra vuestros vuestras
    """),
    times=_words("""
    ayer anteayer hoy mañana anoche tarde semana semanas mes meses año años lunes martes miércoles jueves viernes sábado
    domingo enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre pasado
    pasada pasados pasadas próximo próxima recientemente últimamente último última pronto desde verano invierno
    primavera otoño
    """),
    numbers=_words("""
    uno dos tres cuatro cinco seis siete ocho nueve diez once doce par varios varias docena medio media mitad cien
    ciento cientos mil millón millones
    """),
    first_words=_spellings("qué quién quiénes dónde cuándo cómo cuál cuáles cuánto cuánta cuántos cuántas adónde"),
    second_words=_spellings("""
    es son era eran fue fueron está están estaba estoy soy ha han he había hay tengo tiene tienes hago hace hice hizo
    puede puedo puedes debo debe va voy vive vives
    """),
    months=(
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre|setiembre", "octubre",
        "noviembre", "diciembre",
    ),
    days_back=(
        ("antes de ayer", 2), ("anteayer", 2), ("antier", 2), ("ayer", 1), ("anoche", 1), ("hoy", 0), ("esta noche", 0),
    ),
    when="cuándo|qué (?:día|fecha|mes|año|hora|semana)|cuánto tiempo|hace cuánto",
    number="cuánt[oa]s?|qué edad|con qué frecuencia|qué (?:distancia|altura|cantidad)",
    latest="última vez|más recientes?|más nuev[oa]s?|actualmente|ahora mismo|hoy en día|en este momento",
    first="primera vez|al principio|originalmente|inicialmente|en un principio|más antigu[oa]s?",
)  # fmt: skip

BY_LANGUAGE: dict[Language, Vocabulary] = {ENGLISH: _ENGLISH, GERMAN: _GERMAN, FRENCH: _FRENCH, SPANISH: _SPANISH}
FALSE_FRIENDS = _words("""
    a acht an ans as cent couple die elf es hier hundert juli mai mal mars martes mayo me mes mi mil mille mis morgen
    nos once os pasado paar par soir son ta tarde te tes ton tu tus uno vos was wen wer wo media medio medias mal seis
    six sept dix demi j m t last fall may spring
""")


def _merge() -> Vocabulary:
    """Return the table of a text whose language does not show: English, and of the others what is unmistakable."""
    tables, others = BY_LANGUAGE.values(), (_GERMAN, _FRENCH, _SPANISH)

    def all_of(name: str) -> frozenset[str]:
        foreign = {word for table in others for word in getattr(table, name)} - FALSE_FRIENDS
        return frozenset(foreign | getattr(_ENGLISH, name))

    months = zip(*(table.months for table in tables), strict=True)
    return Vocabulary(
        first_person=all_of("first_person"),
        second_person=all_of("second_person"),
        times=all_of("times"),
        numbers=all_of("numbers"),
        first_words=_ENGLISH.first_words,
        second_words=_ENGLISH.second_words,
        months=tuple("|".join(_unmistakable(names)) for names in months),
        days_back=tuple(
            (phrase, days) for table in tables for phrase, days in table.days_back if phrase not in FALSE_FRIENDS
        ),
        when="|".join(table.when for table in tables),
        number="|".join(table.number for table in tables),
        latest="|".join(table.latest for table in tables),
        first="|".join(table.first for table in tables),
        months_beside_days=tuple(
            "|".join(name for names in spellings for name in names.split("|") if plain(name) in FALSE_FRIENDS)
            for spellings in zip(*(table.months for table in tables), strict=True)
        ),
    )


def _unmistakable(spellings: Iterable[str]) -> Sequence[str]:
    """Return the distinct names of a month that are no other word, and the English one."""
    english, *others = [name for names in spellings for name in names.split("|")]
    return [english, *dict.fromkeys(name for name in others if name != english and plain(name) not in FALSE_FRIENDS)]


ANY = _merge()


def vocabulary_of(words: Iterable[str]) -> Vocabulary:
    """Return the table of the language of most of these words (lower case), `ANY` where it does not show."""
    language = detect_language(words)
    return BY_LANGUAGE[language] if language else ANY
