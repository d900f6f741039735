"""The command line: each command is a module of its own."""

import click

from soma.cli.lazy import LazyGroup

main = LazyGroup(
    "soma",
    help="Soma: an agent server that learns from every interaction and can prove what it learned.",
    package="soma.cli.commands",
    modules={
        "up": "Start the server on this machine.",
        "chat": "Ask; without a message, talk.",
        "trace": "Show everything that was decided in a turn.",
        "memory": "Import, list, search and forget memories.",
        "feedback": "Say how an answer was.",
        "weights": "Show what an agent has learned, why, and what it changes.",
        "rollback": "Put everything learned back to an earlier moment.",
        "experiments": "Try other weights, and keep what proves better.",
        "members": "Add and remove users, change their roles; add tenants.",
        "tokens": "Make, list and revoke tokens.",
        "doctor": "Check this installation and say what to repair.",
        "bench": "Measure recall, memory and learning.",
    },
)
click.version_option(package_name="soma")(main)
