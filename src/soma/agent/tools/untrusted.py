"""Text from tools, made safe to keep and show: only visible characters, and bounded. Pure."""

from soma.agent.language.hidden import without_hidden


def clean(text: str, limit: int) -> str:
    """Return the visible text, at most `limit` characters long."""
    visible = without_hidden(text)
    if len(visible) <= limit:
        return visible
    note = f"\n[cut: {len(visible):,} characters in all]"
    return visible[: max(0, limit - len(note))] + note
