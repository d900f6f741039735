"""The benchmarks by name; each is a module of its own and is imported when it is called."""

from importlib import import_module

import click

COMMANDS = {
    "learn": "Whether learning from feedback makes recall better, on LoCoMo.",
    "soak": "A thousand iterations of random rewards, and tenants side by side.",
    "recall": "How often what was asked for is found (LoCoMo, no judge).",
    "memory": "Latency, throughput, size and start of remember and recall.",
    "residual": "How many items one residual vector holds.",
    "feedback": "A million durable feedbacks over HTTP, killed, replayed and verified.",
}


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"soma.bench.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Benchmarks"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup)
def bench() -> None:
    """Figures by commands that stay."""
