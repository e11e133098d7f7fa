"""Screening policies, one file each. A house copies one, changes what it disagrees with, and names its own file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from tracer.errors import SourceUnavailable, UsageError

DEFAULT = "default"
MOST_BYTES = 4_000_000
"""What a file may hold that is read as a policy: a device or a wrong name must not fill the memory."""


def shipped() -> list[str]:
    """Names of the policies that come with the program, the default first."""
    names = (
        item.name.removesuffix(".yml")
        for item in files("rules.policies").iterdir()
        if item.name.endswith(".yml")
    )
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def is_path(name: str) -> bool:
    """Whether a name means a file of one's own."""
    return "/" in name or name.endswith((".yml", ".yaml"))


def load(name: str = DEFAULT) -> str:
    """Text of a policy: one that comes with the program, or a path.

    A path has a slash or ends in `.yml` or `.yaml`. Raises `UsageError` for a name nobody knows, `SourceUnavailable`
    for a file that cannot be read.
    """
    if is_path(name):
        try:
            with Path(name).open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
            if len(raw) > MOST_BYTES:
                raise SourceUnavailable(
                    f"the policy {name} cannot be read: it is longer than {MOST_BYTES} bytes."
                )
            return raw.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SourceUnavailable(f"the policy {name} cannot be read: {why}.") from error
    if name not in shipped():
        raise UsageError(
            f"there is no policy named {name!r}.",
            hint=f"Known are {', '.join(shipped())}; a file of your own is named by its path.",
        )
    return files("rules.policies").joinpath(f"{name}.yml").read_text(encoding="utf-8")
