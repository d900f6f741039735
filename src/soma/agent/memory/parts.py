"""Parts of a long text, each small enough for one memory and for a prompt (pure)."""

PART_BYTES = 8 * 1024
BREAKS = ("\n\n", "\n", ". ", " ")  # where to cut, the best first


def parts_of(text: str) -> list[str]:
    """Cut a text into parts, in order, that together hold every word of it; a short text is one part."""
    parts, begin = list[str](), 0
    while begin < len(text):
        end = _end(text, begin)
        if part := text[begin:end].strip():
            parts.append(part)
        begin = end
    return parts if len(parts) > 1 else [text]


def _end(text: str, begin: int) -> int:
    """Return the end of the part that begins at `begin`: after the last good break in its second half."""
    piece = text[begin : begin + PART_BYTES].encode()[:PART_BYTES].decode(errors="ignore")
    limit = begin + len(piece)
    if limit >= len(text):
        return len(text)
    for sign in BREAKS:
        found = text.rfind(sign, begin + len(piece) // 2, limit)
        if found >= 0:
            return found + len(sign)
    return limit
