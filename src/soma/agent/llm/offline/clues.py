"""What single words and forms tell of a question or a passage: a date, a change, a price, the steps of a task. Pure."""

import re

from soma.agent.llm.offline.words import content_stems, stem

NUMBER = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|half|none|no)\b", re.IGNORECASE)
DATE = re.compile(
    r"\d{4}-\d\d-\d\d|\b\d{1,2}\.?(?:st|nd|rd|th)?\s*(?:(?:–|-|to|bis|au|al|and|und)\s*\d{1,2}\.?\s*)?(?:of |de )?"
    r"(?:jan|feb|mar|mär|apr|avr|abr|may|mai|jun|juin|jul|juil|aug|aoû|ago|sep|oct|okt|nov|dec|dez|déc|dic|ene)",
    re.IGNORECASE,
)
NAMED = re.compile(r"(?<![.!?]\s)(?<!^)\b(?:[A-ZÄÖÜÉ][a-zäöüéíñóç]+|[A-Z]{2,})\b")
THE = re.compile(r"\b(?:the|an?|our|your|my|his|her|their)\s+([^\W\d_]+)(?=\s+[^\W\d_]+)", re.IGNORECASE)
CHANGED = re.compile(
    r"\b(?:moved|changed|postponed|now|instead|slips|new decision|update[d]?|replaced|from now on|no longer|verschoben"
    r"|geändert|neu|jetzt|reporté|désormais|aplazad[oa]|ahora)\b",
    re.IGNORECASE,
)
HOW_TO = re.compile(
    r"^how (?:do|can|should|must|to)\b|\bsteps?\b|\bstep by step\b|^wie (?:kann|muss|soll|wird|werden|mache|geht)\b"
    r"|^comment\b|^cómo\b",
    re.IGNORECASE,
)
COMPARES = re.compile(
    r"\b(?:than|compared?|difference|versus|vs|between|of the two|more|less|fewer|better|worse|\w{3,}er\b.*\bor)\b"
    r"|\b(?:which|who|what)\b.*\b\w{3,}est\b|\b(?:most|least)\b",
    re.IGNORECASE,
)
# What is asked with one word and said with another: an adjective and the name of what it measures.
MEASURES = {
    stem(word): tuple(map(stem, others.split()))
    for word, others in {
        "heavy": "weight weigh",
        "long": "length duration",
        "tall": "height",
        "high": "height",
        "deep": "depth",
        "wide": "width",
        "big": "size",
        "large": "size",
        "old": "age",
        "hot": "temperature",
        "warm": "temperature",
        "cold": "temperature",
        "loud": "noise",
        "quiet": "noise",
        "quieter": "noise",
        "louder": "noise",
        "heavier": "weight",
        "lighter": "weight",
        "fast": "speed",
        "cost": "price",
        "price": "cost",
        "expensive": "price cost",
        "cheap": "price cost",
        "cheaper": "price cost",
        "phone": "telephone",
        "wrote": "author",
        "holiday": "vacation",
        "vacation": "holiday",
    }.items()
}
HOW_MUCH = re.compile(
    r"^(?:and )?how much (?:is|are|was|were|does|do|did|for)\b|^was kostet\b|^combien coûte", re.IGNORECASE
)
PRICE = tuple(content_stems("price cost"))
LIGHT = frozenset(
    content_stems("step steps way kind list file note per many much often need get take go work happen place look make")
)
OLD = re.compile(
    r"\b(?:old|before|originally|planned|first decided|former(?:ly)?|until|so far|alt|früher|bisher"
    r"|ursprünglich|ancien(?:ne)?|avant|antes|anterior)\b",
    re.IGNORECASE,
)
ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)\b")
