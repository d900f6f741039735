"""The command line: each command is a module of its own and is imported when it is called."""

from importlib import import_module

import click

COMMANDS = {
    "up": "Start the server on this machine.",
    "chat": "Ask; without a message, talk.",
    "trace": "Show everything that was decided in a turn.",
    "memory": "Import, list, search and forget memories.",
    "feedback": "Say how an answer was.",
    "weights": "Show what an agent has learned, why, and what it changes.",
    "rollback": "Put everything learned back to an earlier moment.",
    "experiments": "Try other weights, and keep what proves better.",
    "members": "Add users and tenants, and hand out their tokens.",
    "doctor": "Check this installation and say what to mend.",
    "bench": "Measure recall, memory and learning.",
}


class LazyGroup(click.Group):
    """Knows its commands by name and help, so that `soma --help` and each command start at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"soma.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup)
@click.version_option(package_name="soma")
def main() -> None:
    """Soma: an agent server that learns from every interaction and can prove what it learned."""
