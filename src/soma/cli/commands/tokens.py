"""soma tokens: make, list and revoke access tokens."""

from urllib.parse import quote

import click

from soma.cli.server import as_json_option, connect, console, show_json, show_token


@click.group()
def command() -> None:
    """Make, list and revoke tokens: your own, or as an owner those of the whole tenant."""


@command.command("list")
@click.option("--all", "everyone", is_flag=True, help="Tokens of all members of your tenant; for owners.")
@click.option("--member", help="Tokens of this member; for owners.")
@as_json_option
def list_(*, everyone: bool, member: str | None, as_json: bool) -> None:
    """List the valid tokens, with the ids by which they are revoked."""
    with connect() as server:
        tokens = server.get("/tokens", everyone=everyone or None, member=member)["tokens"]
    if as_json:
        show_json(tokens)
        return
    for token in tokens:
        ends = f"until {token['expires_at'][:10]}" if token["expires_at"] else "without end"
        mark = " (this one)" if token["is_current"] else ""
        line = f"{token['id']}  {token['username']:16} {token['role']:8} {ends:16} {token['name']}{mark}"
        console.print(line, soft_wrap=True, markup=False)


@command.command("add")
@click.argument("name")
@click.option("--days", type=click.IntRange(1), help="Days until it ends; without it, the server's SOMA_TOKEN_DAYS.")
@click.option(
    "--role", type=click.Choice(["owner", "member", "viewer"]), help="Its role, at most your own; without it, yours."
)
@as_json_option
def add(name: str, *, days: int | None, role: str | None, as_json: bool) -> None:
    """Make a further token for yourself, called NAME, and print it. It is not shown again."""
    asked = {"name": name, "expires_in_days": days, "role": role}
    with connect() as server:
        made = server.post("/tokens", {key: value for key, value in asked.items() if value is not None})
    show_token(made, as_json=as_json)


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@as_json_option
def revoke(token_id: str, *, as_json: bool) -> None:
    """Revoke the token with this ID, and end every connection that it opened."""
    with connect() as server:
        server.delete(f"/tokens/{quote(token_id, safe='')}")
    if as_json:
        show_json({"revoked": token_id})
        return
    console.print("revoked")
