"""soma members: users, tenants and their tokens."""

import click

from soma.cli.server import as_json_option, connected, console, show_json


@click.group()
def command() -> None:
    """Add users and tenants, and hand out their tokens. Who has one sets it as SOMA_TOKEN."""


@command.command("list")
@as_json_option
def list_(*, as_json: bool) -> None:
    """The members of your tenant."""
    with connected() as server:
        members = server.get("/members")["members"]
    if as_json:
        show_json(members)
        return
    for member in members:
        console.print(f"{member['username']:20} {member['role']}")


@command.command("add")
@click.argument("username")
@click.option("--role", type=click.Choice(["owner", "member", "viewer"]), default="member", show_default=True)
@as_json_option
def add(username: str, *, role: str, as_json: bool) -> None:
    """Add USERNAME to your tenant; prints the token, which is shown only now."""
    with connected() as server:
        member = server.post("/members", {"username": username, "role": role})
    _handed_out(member, as_json=as_json)


@command.command("add-tenant")
@click.argument("tenant_id")
@click.option("--owner", required=True, help="Name of the user who will own it.")
@as_json_option
def add_tenant(tenant_id: str, *, owner: str, as_json: bool) -> None:
    """Make a tenant; prints its owner's token. For the operator of this server only."""
    with connected() as server:
        tenant = server.post("/tenants", {"id": tenant_id, "owner": owner})
    _handed_out(tenant, as_json=as_json)


def _handed_out(made: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        show_json(made)
        return
    console.print(made["token"], soft_wrap=True)
