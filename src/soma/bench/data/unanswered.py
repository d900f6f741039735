"""Unanswered questions: what people ask that no collection of memories answers."""

from soma.bench.data.collections import GoldQuestion

UNANSWERED = tuple(
    GoldQuestion(text, frozenset())
    for text in (
        "Write a short poem about autumn leaves.",
        "What is the boiling point of tungsten?",
        "Who painted the ceiling of the Sistine Chapel?",
        "Translate 'good morning' into Swahili.",
        "How do I get a red wine stain out of a carpet?",
        "Explain photosynthesis to a child of six.",
        "How many moons does Saturn have?",
        "Give me three jokes about penguins.",
        "What is the opposite of 'generous'?",
        "Suggest a name for a sailing boat.",
        "How do vaccines work?",
        "Which river flows through Baghdad?",
        "How do I tie a bow tie?",
        "What are the rules of curling?",
        "Wie viele Beine hat eine Spinne?",
        "Schreib mir einen Vierzeiler über den Mond.",
        "Quelle est la capitale du Pérou ?",
        "¿Cuánto dura un partido de baloncesto?",
        "富士山の高さは何メートルですか",
        "用一句话解释什么是黑洞",
    )
)
