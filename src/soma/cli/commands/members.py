"""soma members: add and remove users, change their roles; add tenants."""

import sys
from urllib.parse import quote

import click

from soma.cli.server import as_json_option, connect, console, fail, show_json, show_token

ROLES = click.Choice(["owner", "member", "viewer"])


@click.group()
def command() -> None:
    """Add and remove users, change their roles, add tenants. A new user sets their token as SOMA_TOKEN."""


@command.command("list")
@as_json_option
def list_(*, as_json: bool) -> None:
    """List the members of your tenant."""
    with connect() as server:
        members = server.get("/members")["members"]
    if as_json:
        show_json(members)
        return
    for member in members:
        console.print(f"{member['username']:20} {member['role']}")


@command.command("add")
@click.argument("username")
@click.option("--role", type=ROLES, default="member", show_default=True)
@as_json_option
def add(username: str, *, role: str, as_json: bool) -> None:
    """Add USERNAME to your tenant; prints the token, which is shown only now."""
    with connect() as server:
        member = server.post("/members", {"username": username, "role": role})
    show_token(member, as_json=as_json)


@command.command("add-tenant")
@click.argument("tenant_id")
@click.option("--owner", required=True, help="Name of the user who will own it.")
@as_json_option
def add_tenant(tenant_id: str, *, owner: str, as_json: bool) -> None:
    """Make a tenant; prints its owner's token. For the operator of this server only."""
    with connect() as server:
        tenant = server.post("/tenants", {"id": tenant_id, "owner": owner})
    show_token(tenant, as_json=as_json)


@command.command("role")
@click.argument("username")
@click.argument("role", type=ROLES)
@as_json_option
def role(username: str, role: str, *, as_json: bool) -> None:
    """Give USERNAME the role ROLE, also for the tokens that they already have."""
    with connect() as server:
        member = server.patch(f"/members/{quote(username, safe='')}", {"role": role})
    if as_json:
        show_json(member)
        return
    console.print(f"{member['username']} now has the role {member['role']}")


@command.command("remove")
@click.argument("username")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@as_json_option
def remove(username: str, *, yes: bool, as_json: bool) -> None:
    """Remove USERNAME from your tenant: tokens, open connections and running turns end now.

    Their conversations and private memories stay stored, but nobody can reach them any more: a user who is added
    under the same name later is a new user.
    """
    asks = sys.stdin.isatty() and not yes
    if asks and not click.confirm(
        f"Remove {username}? Their conversations and private memories cannot be reached again."
    ):
        fail("nothing was changed")
    with connect() as server:
        server.delete(f"/members/{quote(username, safe='')}")
    if as_json:
        show_json({"removed": username})
        return
    console.print(f"{username} was removed")


@command.command("token")
@click.argument("username")
@click.option("--tenant", default="default", show_default=True, help="Tenant of the member.")
@as_json_option
def token(username: str, *, tenant: str, as_json: bool) -> None:
    """Make a token for a user who has lost theirs. For the operator of this server only."""
    path = f"/tenants/{quote(tenant, safe='')}/members/{quote(username, safe='')}/tokens"
    with connect() as server:
        made = server.post(path, {"name": "by the operator"})
    show_token(made, as_json=as_json)
