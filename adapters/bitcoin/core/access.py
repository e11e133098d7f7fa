"""Who we are to a Core-like node: user and password, its cookie file, or a header for what stands before it."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from tracer.errors import SourceUnavailable, UsageError

COOKIE = ".cookie"
_HOME = ("127.0.0.1", "localhost", "::1")
# where nodes keep a chain unless they are told otherwise: the program's folder, and the chain's in it
_FOLDERS: Mapping[str, tuple[str, str]] = {
    "bitcoin": ("Bitcoin", ""),
    "bitcoin-testnet": ("Bitcoin", "testnet3"),
    "bitcoin-testnet4": ("Bitcoin", "testnet4"),
    "bitcoin-signet": ("Bitcoin", "signet"),
    "bitcoin-regtest": ("Bitcoin", "regtest"),
    "bitcoin-cash": ("Bitcoin", ""),
    "bitcoin-cash-testnet": ("Bitcoin", "testnet3"),
    "bitcoin-cash-testnet4": ("Bitcoin", "testnet4"),
    "bitcoin-cash-chipnet": ("Bitcoin", "chipnet"),
    "bitcoin-cash-regtest": ("Bitcoin", "regtest"),
    "litecoin": ("Litecoin", ""),
    "litecoin-testnet": ("Litecoin", "testnet4"),
    "litecoin-regtest": ("Litecoin", "regtest"),
    "dogecoin": ("Dogecoin", ""),
    "dogecoin-testnet": ("Dogecoin", "testnet3"),
    "dogecoin-regtest": ("Dogecoin", "regtest"),
    "zcash": ("Zcash", ""),
    "zcash-testnet": ("Zcash", "testnet3"),
    "zcash-regtest": ("Zcash", "regtest"),
}


@dataclass(frozen=True)
class Access:
    """What a node is asked with. One of three: user and password, a cookie file, a whole header; or nothing."""

    url: str
    user: str | None = None
    password: str | None = None
    cookie: Path | None = None
    authorization: str | None = None

    def header(self) -> str | None:
        """The Authorization header as it has to be now: a cookie is another one after each start of the node.

        `SourceUnavailable` where the cookie file cannot be read.
        """
        if self.user is not None:
            return _basic(f"{self.user}:{self.password or ''}")
        if self.cookie is None:
            return self.authorization
        try:
            return _basic(self.cookie.read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise SourceUnavailable(
                f"the node's cookie file {self.cookie} cannot be read: {reason}.",
                hint="The node writes it when it starts. Does it run, and is this its data folder?",
            ) from None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may repeat."""
        named = (self.user, self.password, *(self.authorization or "").split()[-1:])
        return tuple(part for part in named if part)


def access(url: str, chain_name: str, environment: Mapping[str, str]) -> Access:
    """How to ask the node of a URL, and its URL without credentials.

    In this order: user and password of the URL, `?cookie=PATH` of the URL, TRACER_CORE_USER and TRACER_CORE_PASSWORD,
    for a node on this machine the cookie file of the chain's usual data folder, and TRACER_AUTHORIZATION.
    """
    parts = urlsplit(url)
    name, _, cookie = parts.query.partition("=")
    if parts.query and (name != "cookie" or not cookie):
        raise UsageError(
            "core: of a query only ?cookie=PATH is understood.",
            hint="Give core:http://HOST:PORT?cookie=PATH.",
        )
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    if parts.username is not None:
        return Access(bare, user=unquote(parts.username), password=unquote(parts.password or ""))
    if cookie:
        return Access(bare, cookie=_home(unquote(cookie)))
    if user := environment.get("TRACER_CORE_USER"):
        return Access(bare, user=user, password=environment.get("TRACER_CORE_PASSWORD", ""))
    usual = _usual_cookie(chain_name)
    if parts.hostname in _HOME and usual is not None and usual.exists():
        return Access(bare, cookie=usual)
    return Access(bare, authorization=environment.get("TRACER_AUTHORIZATION"))


def _home(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"no such home folder in {path!r}.") from error


def _usual_cookie(chain_name: str) -> Path | None:
    """Where the node of a chain keeps its cookie unless it was told otherwise."""
    if chain_name not in _FOLDERS:
        return None
    program, chain = _FOLDERS[chain_name]
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        folder = home / "Library" / "Application Support" / program
    elif sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA", home)) / program
    else:
        folder = home / f".{program.lower()}"
    return folder / chain / COOKIE


def _basic(named: str) -> str:
    return f"Basic {base64.b64encode(named.encode()).decode()}"
