"""Folders that the document tool reads: one a tenant, below one root."""

import contextlib
import logging
from collections.abc import Collection
from pathlib import Path

logger = logging.getLogger(__name__)

SHOWN = 3  # names in a warning


def folder_of(root: Path, tenant_id: str) -> Path:
    """Return the folder of a tenant; makes it, private, where it is missing. Raises ValueError for an unfit id."""
    if not tenant_id or tenant_id != Path(tenant_id).name or tenant_id.startswith("."):
        raise ValueError(f"{tenant_id!r} cannot name a folder")
    folder = root / tenant_id
    with contextlib.suppress(OSError):  # a root that cannot be written to is read as it is
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def warn_of_loose_documents(root: Path, tenants: Collection[str], home: str) -> None:
    """Warn of documents outside of tenants' folders, where older versions kept them: they are not read."""
    try:
        loose = sorted(entry.name for entry in root.iterdir() if entry.name not in tenants)
    except OSError:
        return
    names = [name for name in loose if not name.startswith(".")]
    if names:
        some = ", ".join(ascii(name) for name in names[:SHOWN]) + (" and others" if len(names) > SHOWN else "")
        logger.warning(
            "documents outside a tenant's folder are not read: move %s from %s to %s", some, root, root / home
        )
