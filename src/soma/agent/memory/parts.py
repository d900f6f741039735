"""Cut a long text into parts that one memory each can hold, and that fit into what a model is shown. Pure."""

PART_BYTES = 8 * 1024
BREAKS = ("\n\n", "\n", ". ", " ")  # where to cut, the best first


def parts_of(text: str) -> list[str]:
    """The text itself where it is short; else its parts, in order, which together hold every word of it."""
    parts, begin = list[str](), 0
    while begin < len(text):
        end = _end(text, begin)
        if part := text[begin:end].strip():
            parts.append(part)
        begin = end
    return parts if len(parts) > 1 else [text]


def _end(text: str, begin: int) -> int:
    """The end of the part that begins at `begin`: behind the last good break of its second half."""
    piece = text[begin : begin + PART_BYTES].encode()[:PART_BYTES].decode(errors="ignore")
    limit = begin + len(piece)
    if limit >= len(text):
        return len(text)
    for sign in BREAKS:
        found = text.rfind(sign, begin + len(piece) // 2, limit)
        if found >= 0:
            return found + len(sign)
    return limit
