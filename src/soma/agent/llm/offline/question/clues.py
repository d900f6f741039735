"""Clues in single words and forms: a change, a comparison, the steps of a task, a word for another. Pure."""

import re

from soma.agent.language.stems import stem

HEAD = re.compile(
    r"\b(?:(?:the|an?|our|your|my|his|her|their)\s+([^\W\d_]+)(?=\s+[^\W\d_]+)|how many\s+([^\W\d_]+))", re.IGNORECASE
)
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
SEVERAL = re.compile(
    r"^(?:what|which) (?:are|were|(?!is\b|was\b|does\b|has\b|this\b)\w+s\b|\w+ (?:do|does|are|were|did)\b)",
    re.IGNORECASE,
)
COMPARES = re.compile(
    r"\b(?:than|compared?|difference|versus|vs|between|of the two|more|less|fewer|better|worse|\w{3,}er\b.*\bor)\b"
    r"|\b(?:which|who|what)\b.*\b\w{3,}est\b|\b(?:most|least)\b",
    re.IGNORECASE,
)
# What is asked with one word and said with another.
ALIASES = {
    stem(word): tuple(map(stem, others.split()))
    for word, others in {
        "phone": "telephone",
        "wrote": "author",
        "holiday": "vacation",
        "vacation": "holiday",
    }.items()
}
OLD = re.compile(
    r"\b(?:old|before|originally|planned|first decided|former(?:ly)?|until|so far|alt|früher|bisher"
    r"|ursprünglich|ancien(?:ne)?|avant|antes|anterior)\b",
    re.IGNORECASE,
)
ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)\b")
