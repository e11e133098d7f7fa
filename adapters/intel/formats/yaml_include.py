"""GraphSense's `header: !include header.yaml`: the header of several packs of one folder, in a file of its own."""

from __future__ import annotations

import re
from pathlib import Path

from adapters.intel.found import Unreadable

TAG = "!include"
LARGEST = 1 << 16
"""Bytes; a header is a handful of fields."""
_NAME = re.compile(r"\w[\w. -]*\.ya?ml", re.IGNORECASE)


def text_of(folder: Path, name: str) -> str:
    """The text of a file in the folder of the pack, and in no other.

    Raises `Unreadable` where the name is no plain file name or the file is none of that kind.
    """
    if not _NAME.fullmatch(name):
        raise Unreadable(1, f"the header {name!r} is no plain name of a YAML file in the same folder")
    path = folder / name
    try:
        if not path.is_file():
            raise Unreadable(1, f"the header {name!r} is no file beside the pack")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Unreadable(1, f"the header {name!r} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise Unreadable(1, f"the header {name!r} is larger than {LARGEST:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(1, f"the header {name!r} is not UTF-8") from error
