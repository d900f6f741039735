"""Where the real data of a benchmark lies: an option of its command, which says what is missing."""

from pathlib import Path

import click

LOCOMO = Path("locomo") / "locomo10.json"
HOME = "https://github.com/snap-research/locomo"


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
