"""Where the real data of a benchmark lies: an option of its command, which says what is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

LOCOMO = Path("locomo") / "locomo10.json"
FILES = "files"  # of a folder of notes
HOME = "https://github.com/snap-research/locomo"

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _found(_: click.Context, __: click.Parameter, folder: Path) -> Path:
    """The folder that holds locomo/; who names locomo/ itself means that one."""
    for place in (folder, folder.parent):
        if (place / LOCOMO).is_file():
            return place
    raise click.BadParameter(f"there is no {LOCOMO} in {folder}. The file is at {HOME} (CC BY-NC 4.0).")


option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="SOMA_TEST_DATA",
    default=Path("../shared/data"),
    show_default=True,
    callback=_found,
    help="Folder of real data, with locomo/ in it; else SOMA_TEST_DATA.",
)


def notes_option(questions: str) -> Callable[[Decorated], Decorated]:
    """The option that names a folder of notes with a file of questions about them."""

    def found(_: click.Context, __: click.Parameter, folder: Path) -> Path:
        if not (folder / questions).is_file() or not (folder / FILES).is_dir():
            raise click.BadParameter(f"{folder} must hold {questions} and a folder {FILES}/")
        return folder

    return click.option(
        "--data",
        type=click.Path(path_type=Path),
        required=True,
        callback=found,
        help=f"Folder with {questions} and the notes in {FILES}/.",
    )
