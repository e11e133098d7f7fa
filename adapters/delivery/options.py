"""What a channel's table in `channels.toml` says, taken out key by key; what nobody takes is a mistake.

Secrets never stand in the file: `<name>_env` names variables, `<name>_file` files that only their owner can read. They
are read when the channel is opened, so that a changed one needs no restart of anything but the channel.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tracer.errors import DataError
from tracer.watching.sink import Retry

T = TypeVar("T")

FILE = "channels.toml"
_SECRET_NAME = re.compile(
    r"(?i)(secret|password|passwd|passphrase|token|credential|authorization|api[-_]?key)s?$"
)
_SECRET_VALUE = re.compile(r"whsec_|://[^/@\s]+@")
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Secret:
    """Where a secret stands. One place may hold several, separated by white space: the newest first."""

    name: str
    variables: tuple[str, ...]
    files: tuple[Path, ...]

    def read(self) -> list[str]:
        """The secrets; `Retry` says what is missing, and never what is there."""
        found = [word for name in self.variables for word in self._variable(name).split()]
        found += [word for path in self.files for word in self._file(path).split()]
        if not found:
            raise Retry(f"has no {self.name}: what should hold it is empty")
        return found

    def _variable(self, name: str) -> str:
        if name not in os.environ:
            raise Retry(f"has no {self.name}: the variable {name} is not set")
        return os.environ[name]

    def _file(self, path: Path) -> str:
        try:
            with path.open(encoding="utf-8") as file:
                mode = os.fstat(file.fileno())
                if mode.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise Retry(f"has no {self.name}: others can read {path}; make its mode 0600")
                return file.read(1 << 16)
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise Retry(f"has no {self.name}: cannot read {path} ({why})") from None


class Options:
    """The table of one channel. Each method takes its key out; `done` refuses what is left."""

    def __init__(self, channel: str, given: Mapping[str, Any], root: Path) -> None:
        """`root`: what relative paths start from."""
        self.channel, self.root = channel, root
        self._left = dict(given)
        self._refuse_secrets()

    def wrong(self, problem: str, hint: str = "") -> DataError:
        """The error of a table that cannot be used."""
        return DataError(f"{FILE}: channel {self.channel!r}: {problem}.", hint=hint)

    def has(self, name: str) -> bool:
        """Whether a key is there."""
        return name in self._left

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        return self._taken(name, str, default, "a text")

    def flag(self, name: str, default: bool) -> bool:
        """Whether something is so."""
        return self._taken(name, bool, default, "true or false")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        found = self._taken(name, int, default, "a whole number")
        if isinstance(found, bool) or not low <= found <= high:
            raise self.wrong(f"{name} is not within {low} and {high}")
        return found

    def choice(self, name: str, words: tuple[str, ...], default: str | None = None) -> str:
        """One of some words."""
        found = self.text(name, default)
        if found not in words:
            raise self.wrong(f"{name} = {found!r} is none of {', '.join(words)}")
        return found

    def seconds(self, name: str, default: float) -> float:
        """A span of time, written like 30s, 10m, 24h, 7d."""
        found = self._left.pop(name, None)
        if found is None:
            return default
        matched = _SPAN.fullmatch(found) if isinstance(found, str) else None
        if matched is None:
            raise self.wrong(f"{name} is no span of time", "Write it like 30s, 10m, 24h or 7d.")
        return float(matched[1]) * _UNITS[matched[2]]

    def texts(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A text, or a list of them."""
        found = self._left.pop(name, default)
        found = [found] if isinstance(found, str) else found
        if found is None:
            raise self.wrong(f"{name} is missing")
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) and one for one in found):
            raise self.wrong(f"{name} is no text, nor a list of texts")
        return tuple(found)

    def path(self, name: str, default: str | None = None) -> Path:
        """A path; relative ones start in the workspace."""
        return self.root / Path(self.text(name, default)).expanduser()

    def secret(self, name: str, *, needed: bool = True) -> Secret | None:
        """`<name>_env` or `<name>_file`: where the secret stands."""
        variables, files = self.texts(f"{name}_env", ()), self.texts(f"{name}_file", ())
        if not variables and not files:
            if needed:
                raise self.wrong(
                    f"{name}_env or {name}_file is missing", "Name a variable, or a file of mode 0600."
                )
            return None
        return Secret(name, variables, tuple(self.root / Path(path).expanduser() for path in files))

    def done(self) -> None:
        """Refuse keys that nobody asked for: a mistyped one would be ignored in silence."""
        if self._left:
            raise self.wrong(
                f"{sorted(self._left)[0]!r} means nothing here", "`docs/alerting.md` lists the keys."
            )

    def _taken(self, name: str, kind: type[T], default: T | None, words: str) -> T:
        found = self._left.pop(name, default)
        if found is None:
            raise self.wrong(f"{name} is missing")
        if not isinstance(found, kind):
            raise self.wrong(f"{name} is not {words}")
        return found

    def _refuse_secrets(self) -> None:
        for name, value in self._left.items():
            values = value if isinstance(value, list) else [value]
            literal = any(isinstance(one, str) and _SECRET_VALUE.search(one) for one in values)
            if literal or _SECRET_NAME.search(name):
                plain = "url" if literal and not _SECRET_NAME.search(name) else name
                raise self.wrong(
                    f"a secret may not stand in this file ({name!r})",
                    f'Put it into a variable and write {plain}_env = "NAME", or into a file of mode 0600'
                    f' and write {plain}_file = "PATH".',
                )


@dataclass(frozen=True)
class Address:
    """A URL that may be a secret itself: a literal, or where it stands."""

    literal: str
    secret: Secret | None
    allow_http: bool = False

    def read(self) -> str:
        """The URL; `Retry` where it is not there or no URL of HTTP that may be used."""
        if self.secret is None:
            return self.literal
        found = self.secret.read()[0]
        if (problem := url_problem(found, allow_http=self.allow_http)) is not None:
            raise Retry(f"has a url that {problem}")
        return found


def address(options: Options, *, allow_http: bool) -> Address:
    """`url`, `url_env` or `url_file` of a channel."""
    if (secret := options.secret("url", needed=False)) is not None:
        return Address("", secret, allow_http)
    literal = options.text("url")
    problem = url_problem(literal, allow_http=allow_http)
    if problem is not None:
        raise options.wrong(f"its url {problem}")
    return Address(literal, None)


def url_problem(url: str, *, allow_http: bool) -> str | None:
    """What is wrong with a URL of HTTP, None where nothing is; the URL is not repeated."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is none"
    if parts.scheme not in ("http", "https") or not host:
        return "is not of the form https://HOST/PATH"
    if parts.scheme == "http" and not allow_http and not loopback(host):
        return "is not encrypted: use https, or say allow_http = true"
    return None


def loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
