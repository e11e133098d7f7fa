"""A screening document as it is kept: what many share apart, the rest deflated against a dictionary. Nothing is lost.

A document has three parts. `as_of` is the same for all of a chunk, the recipe (policy, claims, lists, rules, engine)
for days: each is kept once (`shared`). The rest is its own: its JSON, its id taken out (it stands beside it), in zlib
format, whose checksum shows damage and whose header names the dictionary.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tracer.errors import StoreDamaged

_RECIPE = ("intel_snapshot", "rules", "engine", "policy", "parameters")
"""Keys of a document that are the recipe's, with `coverage.intel`; none of them speaks of a subject."""
_DICTIONARIES = ("dictionary_1.txt",)
"""Oldest first; the newest packs. A new one is a new file: what was kept names the one it needs by its checksum."""
_LEVEL, _WINDOW, _MEMORY = 3, 15, 8
"""zlib's own knobs (P), measured: level 6 takes 8 % less room than 3 and twice the time to deflate."""

_DIGITS = re.compile("[0-9a-f]{64}")
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Packed:
    """A document in parts. `as_of` and `recipe` are JSON texts, `own` is packed."""

    as_of: str
    recipe: str
    own: bytes


class Packer:
    """Packs documents of one run; remembers the texts of the last shared parts, which rarely change in a run."""

    def __init__(self) -> None:
        self._as_of: tuple[object, str] = (None, "null")
        self._recipe: tuple[object, str] = (None, "null")

    def pack(self, document: Mapping[str, Any]) -> Packed:
        """Take a document apart. It is read only, and holds nothing but JSON values."""
        own = dict(document)
        as_of = own.get("as_of")
        if "as_of" in own:
            own["as_of"] = 0
        recipe: dict[str, Any] = {}
        for key in _RECIPE:
            if key in own:
                recipe[key] = own[key]
                own[key] = 0
        coverage = own.get("coverage")
        if isinstance(coverage, Mapping) and "intel" in coverage:
            recipe["coverage.intel"] = coverage["intel"]
            own["coverage"] = {**coverage, "intel": 0}
        text = _encode(own).replace(digits(document["screening_id"]), "\0")
        if as_of != self._as_of[0]:
            self._as_of = (as_of, _encode(as_of))
        if recipe != self._recipe[0]:
            self._recipe = (recipe, _encode(recipe))
        return Packed(self._as_of[1], self._recipe[1], deflate(text))


def unpack(screening_id: str, as_of: str, recipe: str, own: bytes) -> dict[str, Any]:
    """The document again: equal in every value and in the order of its keys, so that it prints the same bytes.

    screening_id  its 64 digits. Raises `StoreDamaged`.
    """
    try:
        document: dict[str, Any] = json.loads(inflate(own).replace("\0", screening_id))
        for key, value in json.loads(recipe).items():
            if key == "coverage.intel":
                document["coverage"]["intel"] = value
            else:
                document[key] = value
        if "as_of" in document:
            document["as_of"] = json.loads(as_of)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreDamaged(
            f"the kept screening {screening_id} cannot be read.", hint="Restore state.sqlite from a backup."
        ) from error
    return document


def digits(screening_id: object) -> str:
    """The 64 hex digits of an id, with or without `sha256:` before them."""
    text = str(screening_id).removeprefix("sha256:")
    if _DIGITS.fullmatch(text) is None:
        raise ValueError(f"{screening_id!r} is no screening id")
    return text


def digest(text: str) -> bytes:
    """SHA-256 of a shared part: what it is found by."""
    return hashlib.sha256(_bytes(text)).digest()


def deflate(text: str) -> bytes:
    """Pack a text."""
    packer = _compressor().copy()
    packed: bytes = packer.compress(_bytes(text)) + packer.flush()
    return packed


def inflate(packed: bytes) -> str:
    """The text again. Raises `StoreDamaged`."""
    try:
        unpacker = zlib.decompressobj(_WINDOW, zdict=_dictionary_of(packed))
        raw = unpacker.decompress(packed) + unpacker.flush()
        if not unpacker.eof:
            raise zlib.error("it is cut off")
    except zlib.error as error:
        raise StoreDamaged(
            f"a kept screening cannot be unpacked ({error}).", hint="Restore state.sqlite from a backup."
        ) from error
    return raw.decode("utf-8", "surrogatepass")


def _bytes(text: str) -> bytes:
    # a command line may hold half a surrogate pair; it must come back as it was
    return text.encode("utf-8", "surrogatepass")


@cache
def _compressor() -> Any:
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=_dictionaries()[-1][1])


def _dictionary_of(packed: bytes) -> bytes:
    """The dictionary that a packed text names in its header (RFC 1950, DICTID)."""
    named = int.from_bytes(packed[2:6], "big")
    found = next((text for number, text in _dictionaries() if number == named), None)
    if found is None or not packed[1] & 0x20:
        raise StoreDamaged(
            "a kept screening was packed by a newer tracer, or is damaged.",
            hint="Use the version that kept it.",
        )
    return found


@cache
def _dictionaries() -> tuple[tuple[int, bytes], ...]:
    folder = files("tracer.screening.kept")
    texts = [folder.joinpath(name).read_bytes() for name in _DICTIONARIES]
    return tuple((zlib.adler32(text), text) for text in texts)
