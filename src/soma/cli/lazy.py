"""A group of commands that are imported only when called, so that `--help` is fast."""

from collections.abc import Mapping
from importlib import import_module

import click


class LazyGroup(click.Group):
    """A click group over modules of `package`, by name and help; each module has a `command`."""

    def __init__(self, name: str | None = None, *, package: str, modules: Mapping[str, str], help: str) -> None:  # noqa: A002 - click's word
        super().__init__(name, help=help)
        self._package = package
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._modules:
            return None
        command = import_module(f"{self._package}.{cmd_name.replace('-', '_')}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(self._modules.items()))
