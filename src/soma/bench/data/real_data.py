"""Options of the benchmark commands that name folders of real data, and check that nothing is missing."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from soma.bench.data.sets import ITEMS, QUESTIONS, find_sets

LOCOMO = Path("locomo") / "locomo10.json"
FILES = "files"  # folder of the notes, in the data folder
HOME = "https://github.com/snap-research/locomo"

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _check_locomo(_: click.Context, __: click.Parameter, folder: Path) -> Path:
    """Return the folder that holds locomo/; naming locomo/ itself is accepted too."""
    for place in (folder, folder.parent):
        if (place / LOCOMO).is_file():
            return place
    raise click.BadParameter(f"there is no {LOCOMO} in {folder}. The file is at {HOME} (CC BY-NC 4.0).")


locomo_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="SOMA_TEST_DATA",
    default=Path("../shared/data"),
    show_default=True,
    callback=_check_locomo,
    help="Folder of real data, with locomo/ in it; by default SOMA_TEST_DATA.",
)


def _find_sets(_: click.Context, __: click.Parameter, folder: Path) -> Mapping[str, Path]:
    found = find_sets(folder) or (find_sets(folder.parent) if (folder.parent / LOCOMO).is_file() else {})
    if not found:
        raise click.BadParameter(
            f"there is no set in {folder}: a folder with {ITEMS} and {QUESTIONS}, or {LOCOMO} from {HOME}"
        )
    return found


sets_option = click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="SOMA_TEST_DATA",
    default=Path("../shared/data"),
    show_default=True,
    callback=_find_sets,
    help="Folder of sets; by default SOMA_TEST_DATA.",
)


def choose_sets(sets: Mapping[str, Path], names: Sequence[str]) -> Mapping[str, Path]:
    """Return the sets of these names, or all where none is named. Raises BadParameter for an unknown one."""
    unknown = [name for name in names if name not in sets]
    if unknown:
        raise click.BadParameter(f"unknown set {unknown[0]}; this folder has {', '.join(sets)}", param_hint="--set")
    return {name: sets[name] for name in names} if names else sets


def notes_option(questions: str) -> Callable[[Decorated], Decorated]:
    """Make the option that names a folder of notes with a file of questions about them."""

    def check_notes(_: click.Context, __: click.Parameter, folder: Path) -> Path:
        if not (folder / questions).is_file() or not (folder / FILES).is_dir():
            raise click.BadParameter(f"{folder} must contain {questions} and a folder {FILES}/")
        return folder

    return click.option(
        "--data",
        type=click.Path(path_type=Path),
        required=True,
        callback=check_notes,
        help=f"Folder with {questions} and the notes in {FILES}/.",
    )
