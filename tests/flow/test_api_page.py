"""docs/api.md shows a command for every request that the server takes, and none that it does not."""

import hashlib
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import httpx

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
STREAMS = "/chat/conversations/$CONVERSATION/events"
METHODS = {"get", "post", "patch", "delete"}


def commands():
    """Method, address and body of each command of the page."""
    for line in re.findall(r"^ {4}(curl .*)$", PAGE, re.MULTILINE):
        words = shlex.split(line, comments=True)
        [address] = [word for word in words if word.startswith("$URL")]
        method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
        yield method, address.removeprefix("$URL"), words[words.index("-d") + 1] if "-d" in words else None


def shown():
    """Method and path of each command of the page, whatever stands for an id written as {}."""
    for method, address, _ in commands():
        yield method.lower(), urlsplit(address).path


def test_the_page_shows_every_request_and_no_other(soma):
    document = httpx.get(f"{soma.url}/api/v2/openapi.json").json()
    offered = {
        (method, path.removeprefix("/api/v2"))
        for path, methods in document["paths"].items()
        for method in methods.keys() & METHODS
    }
    asked = set(shown())
    unmatched = {one for one in asked if not any(_fits(one, other) for other in offered)}
    assert not unmatched
    exact = asked & offered
    missing = {one for one in offered - exact if not any(_fits(other, one) for other in asked - exact)}
    assert not missing


def test_the_commands_of_the_page_work_one_after_another(soma):
    owner = soma.tenant("api-page")
    found = {"DIGEST": hashlib.sha256(b"x").hexdigest()}
    refused = []
    for method, address, body in commands():
        if address.startswith(STREAMS) or "CONSOLIDATION" in (body or ""):  # it has no end; nothing is consolidated yet
            continue
        caller = soma.owner if address.startswith("/tenants") else owner
        path = _filled(address, found)
        answer = caller.http.request(method, path, content=_filled(body, found) if body else None)
        if answer.is_error:
            refused.append((method, path, answer.text))
        elif answer.content and answer.headers["content-type"].startswith("application/json"):
            _note(found, method, urlsplit(address).path, answer.json())
    assert not refused


def _filled(text, found):
    return re.sub(r"\$([A-Z_]+)", lambda name: found[name[1]], text)


def _note(found, method, path, answer):
    """The ids that later commands name."""
    if path == "/chat/conversations" and method == "POST":
        found["CONVERSATION"] = answer["id"]
    elif "turn_id" in answer:
        found["TURN"] = answer["turn_id"]
    elif path == "/memories" and method == "POST":
        found["MEMORY"] = answer["results"][0]["id"]
    elif path == "/memories/documents" and method == "GET":
        found["DOCUMENT"] = answer["documents"][0]["id"]
    elif path == "/tokens" and method == "POST":
        found["TOKEN_ID"] = answer["token_id"]


def _fits(command, offered):
    (method, path), (other, template) = command, offered
    pattern = re.sub(r"\{\w+\}", "[^/]+", template)
    return method == other and re.fullmatch(pattern, path) is not None
