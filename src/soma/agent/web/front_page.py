"""The page at `/`: what runs here and where to go on. It loads nothing and runs nothing."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.metadata import version

from soma.agent.llm.selection import Selection

STYLE = """
body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif }
body { color: #222; background: #fff } code { padding: .1em .3em; border-radius: .2em; background: #f0f0f0 }
h1 { margin-bottom: 0 } dt { margin-top: 1em; font-weight: 600 } dd { margin-left: 0 }
@media (prefers-color-scheme: dark) {
body { color: #ddd; background: #161616 } code { background: #2a2a2a } a { color: #8ab4ff } }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Soma</title>
<style>{style}</style>
<h1>Soma</h1>
<p>An agent server that learns from what people say of its answers, and can show what it learned.{running}</p>
<dl>
<dt>Talk to it</dt>
<dd><code>soma chat "what is 23*19 + 7?"</code> in a terminal. A web page to chat on follows.</dd>
<dt>Call it</dt>
<dd>The REST API lies below <code>/api/v2</code>, the socket at <code>/ws/v2/chat</code>;
<a href="/api/v2/openapi.json">openapi.json</a> describes every request,
<code>docs/api.md</code> of the source shows them.</dd>
<dt>Get a token</dt>
<dd>Every request needs one: <code>Authorization: Bearer ...</code>. The first lies in the file <code>token</code> of
the data folder; <code>soma tokens add NAME</code> makes another, <code>soma members add NAME</code> a person with one.
Else ask the owner of this server.</dd>
<dt>See whether it is well</dt>
<dd><a href="/readyz">readyz</a>, or <code>soma doctor</code> on its machine.</dd>
<dt>Read on</dt>
<dd><code>README.md</code> and <code>docs/tutorial.md</code> of the source.</dd>
</dl>
</html>
"""


def front_page(selection: Selection | None) -> bytes:
    """Return the page; without `selection`, for strangers, it names neither version nor model."""
    running = ""
    if selection is not None:
        running = f" This is version {escape(version('soma'))}. The model that answers is {escape(str(selection))}."
    return PAGE.format(style=STYLE, running=running).encode()


def front_page_headers(content: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        (b"content-security-policy", POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
    ]
