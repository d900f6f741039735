"""docs/api.md shows a command for every request that the server takes, and none that it does not."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import httpx

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
METHODS = {"get", "post", "patch", "delete"}


def shown():
    """Method and path of each command of the page, whatever stands for an id written as {}."""
    for line in re.findall(r"^ {4}(curl .*)$", PAGE, re.MULTILINE):
        words = shlex.split(line, comments=True)
        [address] = [word for word in words if word.startswith("$URL")]
        method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
        yield method.lower(), urlsplit(address.removeprefix("$URL")).path


def test_the_page_shows_every_request_and_no_other(soma):
    document = httpx.get(f"{soma.url}/api/v2/openapi.json").json()
    offered = {
        (method, path.removeprefix("/api/v2"))
        for path, methods in document["paths"].items()
        for method in methods.keys() & METHODS
    }
    commands = set(shown())
    unmatched = {command for command in commands if not any(_fits(command, one) for one in offered)}
    assert not unmatched
    exact = commands & offered
    missing = {one for one in offered - exact if not any(_fits(command, one) for command in commands - exact)}
    assert not missing


def _fits(command, offered):
    (method, path), (other, template) = command, offered
    pattern = re.sub(r"\{\w+\}", "[^/]+", template)
    return method == other and re.fullmatch(pattern, path) is not None
