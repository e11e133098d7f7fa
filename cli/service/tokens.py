"""Who may ask: named tokens, from a file only their owner can read or from the environment. They are kept as hashes."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from tracer.errors import UsageError

ENVIRONMENT = "TRACER_API_TOKENS"
LOCAL = "local"
"""Who asks where no tokens were given: somebody on this machine."""
_SHORTEST = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class Tokens:
    """Names of callers by their tokens; false where there are none."""

    def __init__(self, named: Mapping[str, str]) -> None:
        """`named`: name -> token."""
        self._hashes = {name: _hash(token) for name, token in named.items()}

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def name_of(self, authorization: str | None) -> str | None:
        """Whose an `Authorization: Bearer ...` header is; None where it is nobody's. Takes as long for any token."""
        scheme, _, token = (authorization or "").partition(" ")
        asked = _hash(token.strip())
        found = None
        for name, known in self._hashes.items():
            if hmac.compare_digest(known, asked):
                found = name
        return found if scheme.lower() == "bearer" else None


def given(file: Path | None, environment: Mapping[str, str]) -> Tokens:
    """Tokens of a file (one `name token` a line, # starts a comment), else of the environment (`name:token`, spaces
    between). `UsageError` repeats none of them.
    """
    if file is not None:
        return Tokens(_of_file(file))
    pairs = [pair.partition(":") for pair in environment.get(ENVIRONMENT, "").split()]
    return Tokens(_checked([(name, token) for name, _, token in pairs], ENVIRONMENT))


def _of_file(file: Path) -> dict[str, str]:
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read the tokens in {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text.", hint="Write `name token` on each line.") from error
    if mode & 0o077:
        raise UsageError(f"others can read the tokens in {file}.", hint=f"Run `chmod 600 {file}`.")
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    pairs = [(words[0], "" if len(words) != 2 else words[1]) for words in lines if words]
    if not pairs:
        raise UsageError(f"{file} holds no tokens.", hint="Write `name token` on each line.")
    return _checked(pairs, str(file))


def _checked(pairs: list[tuple[str, str]], place: str) -> dict[str, str]:
    for number, (name, token) in enumerate(pairs, start=1):
        if not _NAME.fullmatch(name):  # it may be a token that stands alone: not repeated
            raise UsageError(
                f"{place}: entry {number} begins with no name.", hint="Give a name before each token."
            )
        if len(token) < _SHORTEST:
            raise UsageError(
                f"{place}: the token of {name!r} has less than {_SHORTEST} characters.",
                hint="Make one with `openssl rand -hex 32`.",
            )
    if len({name for name, _ in pairs}) < len(pairs) or len({token for _, token in pairs}) < len(pairs):
        raise UsageError(f"{place}: a name or a token stands there twice.")
    return dict(pairs)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
