"""Text of a tool before it is kept and shown: without what nobody sees, and not too long. Pure."""

from soma.agent.language.hidden import without_hidden


def clean(text: str, limit: int) -> str:
    """Without control, hidden and half characters, and at most `limit` long."""
    visible = without_hidden(text)
    if len(visible) <= limit:
        return visible
    note = f"\n[cut: {len(visible):,} characters in all]"
    return visible[: max(0, limit - len(note))] + note
