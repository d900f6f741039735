"""Words before an order, a question or an answer: address, politeness, wishes. Parts of patterns; pure."""

# Before any order. "Can you ..." is left out: by its form it is a question, unless the order decides otherwise.
ADDRESS = r"please|kindly|now|also|and|then|ok(?:ay)?|so|hey|hi|hello|soma|just|let'?s"
WISH = r"i(?:'d| would) like you to|i want you to"
CAN_YOU = r"(?:can|could|would|will) you"
HESITATION = r"well|hmm?|u[hm]|oh|ah|please|bitte|na|tja|bon|alors|bueno|pues"  # before a yes or a no


def any_of(*alternatives: str) -> str:
    """Build the pattern of one of the alternatives."""
    return f"(?:{'|'.join(alternatives)})"


def lead_in(*alternatives: str) -> str:
    """Build the pattern of any number of these phrases, with the signs that separate them."""
    return rf"(?:{any_of(*alternatives)}\b[\s,:!]*)*"
