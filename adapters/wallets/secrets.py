"""What private keys and recovery words look like, so that they are refused before anything logs, keeps or shows them.

By shape, not by checksum: a private key with one wrong letter is still one. Formats: BIP 32 and SLIP-132 (extended
private keys), wallet import format, BIP 38 (encrypted keys), BIP 93 (codex32), mini private keys of physical coins,
recovery words (`adapters.wallets.words`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from tracer.errors import UsageError

EXTENDED = "extended private key"
WIF = "private key (WIF)"
ENCRYPTED = "encrypted private key (BIP 38)"
CODEX = "secret share (codex32)"
MINI = "what may be a mini private key"
WORDS = "recovery words"
HEXADECIMAL = "private key in hexadecimal digits"

LETTERS = "[1-9A-HJ-NP-Za-km-z]"
"""Base58, as a regular expression."""
EXTENDED_PREFIXES = ("xprv", "yprv", "zprv", "Yprv", "Zprv", "tprv", "uprv", "vprv", "Uprv", "Vprv", "Ltpv", "Mtpv",
                     "ttpv", "dgpv")  # fmt: skip
_SHAPES = {
    EXTENDED: f"(?:{'|'.join(EXTENDED_PREFIXES)}){LETTERS}{{20,}}",
    # first letters: Bitcoin and Zcash 5 K L, test networks 9 c, Litecoin 6 T, Dogecoin 6 Q, Dash 7 X
    WIF: f"[5679]{LETTERS}{{50}}|[KLcTQX]{LETTERS}{{51}}",
    ENCRYPTED: f"6P{LETTERS}{{56}}",
    CODEX: "(?:ms1[02-9ac-hj-np-z]{45,}|MS1[02-9AC-HJ-NP-Z]{45,})",
    MINI: f"S{LETTERS}{{21}}|S{LETTERS}{{29}}",
}
_SECRET = re.compile(
    "(?<![0-9A-Za-z])(?:" + "|".join(f"({shape})" for shape in _SHAPES.values()) + ")(?![0-9A-Za-z])"
)
_KINDS = tuple(_SHAPES)
_WORD = re.compile(r"[^\W\d_]+")


def key_in(text: str) -> str | None:
    """What kind of private key a text holds; None where it looks like holding none."""
    for match in _SECRET.finditer(text):
        kind = _KINDS[(match.lastindex or 1) - 1]
        if kind != MINI or is_mini(match[0]):
            return kind
    return None


def kind_in(text: str) -> str | None:
    """What kind of secret a text holds, private key or recovery words; None where it looks like holding none."""
    if kind := key_in(text):
        return kind
    words = _WORD.findall(unicodedata.normalize("NFC", text).lower())
    if len(words) >= FEWEST_WORDS:
        from adapters.wallets.words import longest_run

        if longest_run(words) >= FEWEST_WORDS:
            return WORDS
    return None


FEWEST_WORDS = 12
"""A phrase of BIP 39 or of Electrum has 12 words or more."""


def is_mini(text: str) -> bool:
    """Whether a text of the right shape has the typing check of mini private keys, which one in 256 texts has."""
    return hashlib.sha256(f"{text}?".encode()).digest()[0] == 0


def refusal(kind: str) -> UsageError:
    """The error for a secret handed in. It never repeats it."""
    return UsageError(
        f"this looks like a secret ({kind}): nothing of it was read further, kept or logged.",
        hint="Hand in the public descriptor or extended public key instead. What was typed on a command line stays in "
        "the shell's history: take it out there.",
    )


def refuse(texts: Iterable[str]) -> None:
    """Raise `UsageError` where the arguments of a command, alone or together, hold a secret."""
    if kind := kind_in(" ".join(texts)):
        raise refusal(kind)
