"""What one word of a text may be: an address with a checksum, a key, a secret, or 64 hexadecimal digits.

The shape decides what is worth a checksum, because a dump is full of words that are nothing (hashes, Base64); the
chains' own readers (`adapters.addresses.registry`) decide what is an address, and of which chains.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from adapters.addresses import registry
from adapters.addresses.base58 import base58check_decode
from adapters.wallets import keys, secrets
from tracer.chain import AddressKey
from tracer.errors import BadAddress, UsageError

SHORTEST = 22
"""Letters; a mini private key of the first kind has 22, no address fewer than 25."""
LONGEST = 512
"""Letters; a unified address of Zcash is the longest that is known."""

_B58 = secrets.LETTERS
_B32 = "[02-9ac-hj-np-z]"  # Bech32's alphabet
_HRPS = (
    "bc", "tb", "bcrt", "ltc", "tltc", "rltc", "ltcmweb", "tmweb", "btg", "vg", "zs", "u", "tex", "ztestsapling",
    "utest", "textest", "zregtestsapling", "uregtest", "texregtest", "addr", "stake", "cosmos", "thor", "bnb",
)  # fmt: skip
_VERSIONED = re.compile(f"{_B58}{{25,36}}")  # Base58Check over a version and 20 bytes
_XRPL = re.compile(f"r{_B58}{{24,34}}|X{_B58}{{46}}")  # in the same letters, otherwise ordered
_OTHERS = re.compile(
    "|".join(
        (
            f"(?:{'|'.join(_HRPS)})1{_B32}{{6,500}}",
            f"(?:{'|'.join(_HRPS).upper()})1{_B32.upper()}{{6,500}}",
            "[XP]-avax1" + _B32 + "{38}",
            "[qprz]" + _B32 + "{41,111}|[QPRZ]" + _B32.upper() + "{41,111}",  # CashAddr without its prefix
            "[48]" + _B58 + "{94}|4" + _B58 + "{105}",  # Monero
            f"{_B58}{{46,48}}",  # SS58
            f"Ae2{_B58}{{56}}|DdzFF{_B58}{{99}}|zc{_B58}{{93}}",  # Cardano of the Byron era, Zcash's Sprout
            "[GC][A-Z2-7]{55}|M[A-Z2-7]{68}",  # Stellar
            "[A-Z2-7]{58}",  # Algorand
            "f[1234][a-z2-7]{39,120}",  # Filecoin
            "[EUkQ][0-9A-Za-z_+/-]{47}",  # TON
        )
    )
)
_EVM = re.compile("0[xX][0-9a-fA-F]{40}")
_HASH = re.compile("(?:0[xX])?([0-9a-fA-F]{64})")
_EXTENDED = re.compile(f"[a-zA-Z]{{4}}{_B58}{{104,110}}")


@dataclass(frozen=True)
class Address:
    """A text that is an address: of which chains, each with its canonical text and key.

    checked  False where the text has no checksum: an EVM account in one case
    """

    on: tuple[tuple[str, str, AddressKey], ...]
    checked: bool = True


@dataclass(frozen=True)
class Hash:
    """64 hexadecimal digits: a txid, a block hash, a private key, anything."""

    digits: str


@dataclass(frozen=True)
class PublicKey:
    """An extended public key."""

    prefix: str


@dataclass(frozen=True)
class Secret:
    """A secret, by its kind alone."""

    kind: str


Found = Address | Hash | PublicKey | Secret


@lru_cache(maxsize=1 << 16)
def read(word: str) -> Found | None:
    """What a word is; None for nothing that is looked for. The word is whole: no letter or digit stands beside it."""
    if digits := _HASH.fullmatch(word):
        return Hash(digits[1].lower())
    if _EVM.fullmatch(word):
        return _evm(word)
    if (kind := _secret(word)) is not None:
        return Secret(kind)
    if _EXTENDED.fullmatch(word):
        try:
            return PublicKey(keys.parse(word).version.prefix)
        except UsageError:
            return None
    return _address(word) if _plausible(word) else None


def _plausible(word: str) -> bool:
    """Whether asking every chain is worth its time."""
    if _VERSIONED.fullmatch(word) and _checks(word):
        return True
    return bool(_XRPL.fullmatch(word) or _OTHERS.fullmatch(word))


def _checks(word: str) -> bool:
    try:
        base58check_decode(word)
    except BadAddress:
        return False
    return True


def _evm(word: str) -> Address | None:
    try:
        canonical, key = registry.parse("ethereum", word)
    except BadAddress:
        return None
    digits = word[2:]
    return Address((("ethereum", canonical, key),), checked=digits not in (digits.lower(), digits.upper()))


def _secret(word: str) -> str | None:
    """The kind of a secret, where its checksum says so: a dump has many words of that shape."""
    kind = secrets.key_in(word)
    return kind if kind in (None, secrets.MINI, secrets.CODEX) or _checks(word) else None


def _address(word: str) -> Address | None:
    """The chains that take a word with a checksum; one name stands for all EVM chains."""
    found = []
    for name, entry in registry.CHAINS.items():
        if entry.check == "checksum" and entry.family != "evm":
            try:
                canonical, key = entry.read(word)
            except BadAddress:
                continue
            found.append((name, canonical, key))
    return Address(tuple(found)) if found else None
