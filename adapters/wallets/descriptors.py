"""Output descriptors (BIPs 380 to 387, 389): read, checked, and turned into locking scripts.

A text with a private key is refused before it is read. Messages name the place and never repeat a key. Miniscript and
wallet policies (BIP 388) are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from adapters.wallets import checksum, keytext, scripts, secrets
from adapters.wallets.keytext import Key
from tracer.errors import UsageError

MOST_LETTERS = 100_000
"""(P) A descriptor of twenty keys has 3,000."""
_CALL = re.compile(r"([a-z_0-9]+)\((.*)\)", re.DOTALL)
_PATHS = re.compile(r"<([^<>]*)>")
_IN_ORIGIN = re.compile(r"\[[^\]]*<")
_NUMBER = re.compile(r"[0-9]{1,3}")
_ONE_KEY = ("pk", "pkh", "wpkh", "combo")
_MULTI = ("multi", "sortedmulti", "multi_a", "sortedmulti_a")
_INSIDE: Mapping[str, tuple[str, ...]] = {
    "": ("pk", "pkh", "wpkh", "sh", "wsh", "multi", "sortedmulti", "tr", "combo", "raw", "addr"),
    "sh": ("pk", "pkh", "wpkh", "wsh", "multi", "sortedmulti"),
    "wsh": ("pk", "pkh", "multi", "sortedmulti"),
    "tr": ("pk", "multi_a", "sortedmulti_a"),
}
"""Which expressions may stand at the top, and inside another."""
_MOST_KEYS = {"": 3, "sh": 15, "wsh": 20, "tr": 999}
_DEEPEST = 128  # BIP 341
_MOST_SCRIPT = 520  # bytes of a redeem script (BIP 16)

Script = Callable[[int], bytes]
"""Index -> locking, redeem or witness script."""


@dataclass(frozen=True)
class Output:
    """One script of a descriptor: `kind` as people write it (`sh(wpkh)`), `script` by index."""

    kind: str
    script: Script


@dataclass(frozen=True)
class Descriptor:
    """One descriptor without alternatives in its paths.

    text     itself with its checksum
    outputs  what it locks with: one, but of `combo`
    address  of `addr(...)`: the text inside; else ""
    keys     every key in it
    """

    text: str
    outputs: tuple[Output, ...]
    address: str
    keys: tuple[Key, ...]

    @property
    def ranged(self) -> bool:
        """Whether it has an output for every index."""
        return any(key.ranged for key in self.keys)

    @property
    def segwit(self) -> bool:
        """Whether it needs a chain with SegWit; `combo` does without."""
        return self.kinds != "combo" and bool(re.search(r"\bw(pkh|sh)\b|^tr\b", self.kinds))

    @property
    def kinds(self) -> str:
        """Its expressions without their keys: `wsh(sortedmulti)`."""
        return self.outputs[0].kind if len(self.outputs) == 1 else "combo" if self.outputs else "addr"


def read(text: str) -> tuple[tuple[Descriptor, ...], bool]:
    """(descriptors, one for each alternative of its paths; whether the text had a checksum).

    `UsageError` says what is wrong.
    """
    if kind := secrets.kind_in(text):
        raise secrets.refusal(kind)
    if len(text) > MOST_LETTERS:
        raise UsageError(f"the descriptor has more than {MOST_LETTERS:,} letters.")
    body, checked = checksum.split(text)
    return tuple(_descriptor(one) for one in _alternatives(body)), checked


def of_script(body: str) -> Descriptor:
    """A descriptor made here, without checksum and alternatives."""
    return _descriptor(body)


def _alternatives(body: str) -> Iterator[str]:
    """A descriptor with `<0;1>` in its paths as one for each (BIP 389)."""
    lengths = set()
    for part in re.split(r"[(),{}]", body):
        found = _PATHS.findall(part)
        if len(found) > 1 or _IN_ORIGIN.search(part):
            raise UsageError("a key of the descriptor may have one <...;...>, in the path behind it.")
        if found:
            numbers = found[0].split(";")
            if len(numbers) < 2 or len(set(numbers)) < len(numbers) or "" in numbers:
                raise UsageError("a <...;...> of the descriptor needs two or more different steps.")
            lengths.add(len(numbers))
    if len(lengths) > 1:
        raise UsageError("the <...;...> of the descriptor's keys are of different lengths.")
    for place in range(max(lengths, default=1)):
        yield _PATHS.sub(partial(_step, place), body)


def _step(place: int, match: re.Match[str]) -> str:
    return match[1].split(";")[place]


def _descriptor(body: str) -> Descriptor:
    found: list[Key] = []
    text = f"{body}#{checksum.checksum(body)}"
    name, arguments = _call(body, "")
    if name == "addr":
        if len(arguments) != 1:
            raise UsageError("addr takes one address.")
        return Descriptor(text, (), arguments[0], ())
    if name == "combo":
        return Descriptor(text, _combo(_key(arguments, name, "", found)), "", tuple(found))
    kind, script = _script(body, "", found)
    return Descriptor(text, (Output(kind, script),), "", tuple(found))


def _combo(key: Key) -> tuple[Output, ...]:
    """Everything wallets made of one key before there were descriptors (BIP 384)."""
    old = (Output("pk", lambda i: scripts.p2pk(key.at(i))), Output("pkh", lambda i: scripts.p2pkh(key.at(i))))
    if not key.compressed:
        return old
    return (
        *old,
        Output("wpkh", lambda i: scripts.p2wpkh(key.at(i))),
        Output("sh(wpkh)", lambda i: scripts.p2sh(scripts.p2wpkh(key.at(i)))),
    )


def _call(text: str, inside: str) -> tuple[str, list[str]]:
    """(name, arguments) of an expression that may stand there."""
    match = _CALL.fullmatch(text)
    if match is None or match[1] not in _INSIDE[inside]:
        place = f"inside {inside}" if inside else "at the top"
        raise UsageError(
            f"the descriptor has something {place} that may not stand there.",
            hint=f"There may stand {', '.join(_INSIDE[inside])}. Miniscript is not read.",
        )
    return match[1], _split(match[2])


def _split(text: str) -> list[str]:
    """Arguments, at the commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        if letter in "({[":
            depth += 1
        elif letter in ")}]":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
        if depth < 0:
            break
    if depth:
        raise UsageError("the descriptor's brackets do not match.")
    return [*parts, text[start:]]


def _script(text: str, inside: str, found: list[Key]) -> tuple[str, Script]:
    """(kinds, script by index) of an expression."""
    name, arguments = _call(text, inside)
    if name in _MULTI:
        return name, _multi(name, arguments, inside, found)
    if name in _ONE_KEY:
        key = _key(arguments, name, inside, found)
        make = {"pk": scripts.p2pk, "pkh": scripts.p2pkh, "wpkh": scripts.p2wpkh}[name]
        return name, lambda index: make(_serialised(key, index, inside))
    if name == "raw":
        return name, _raw(arguments)
    if name == "tr":
        return name, _taproot(arguments, found)
    if len(arguments) != 1:
        raise UsageError(f"{name} of the descriptor takes one script.")
    kind, script = _script(arguments[0], name, found)
    if name == "sh":
        if len(script(0)) > _MOST_SCRIPT:
            raise UsageError(
                f"the script inside sh has more than {_MOST_SCRIPT} bytes: nobody could spend it."
            )
        return f"sh({kind})", lambda index: scripts.p2sh(script(index))
    return f"wsh({kind})", lambda index: scripts.p2wsh(script(index))


def _serialised(key: Key, index: int, inside: str) -> bytes:
    return _x_only(key.at(index)) if inside == "tr" else key.at(index)


def _x_only(key: bytes) -> bytes:
    return key[-32:]


def _key(arguments: list[str], name: str, inside: str, found: list[Key]) -> Key:
    if len(arguments) != 1:
        raise UsageError(f"{name} of the descriptor takes one key.")
    return _taken(arguments[0], name, inside, found)


def _taken(text: str, name: str, inside: str, found: list[Key]) -> Key:
    """The next key of the descriptor, of a form that may stand there."""
    taproot = "tr" in (name, inside)
    where = f"key {len(found) + 1} of the descriptor, in {name}"
    key = keytext.read(text, where, x_only=taproot)
    if not key.compressed and (inside == "wsh" or name == "wpkh" or taproot):
        raise UsageError(f"{where}: an uncompressed key may not stand there.")
    found.append(key)
    return key


def _multi(name: str, arguments: list[str], inside: str, found: list[Key]) -> Script:
    needed, texts = arguments[0], arguments[1:]
    most = _MOST_KEYS[inside]
    if not _NUMBER.fullmatch(needed) or not 1 <= int(needed) <= len(texts):
        raise UsageError(f"{name} of the descriptor needs a number from 1 to that of its keys in front.")
    if len(texts) > most:
        raise UsageError(f"{name} of the descriptor has {len(texts)} keys; there may be {most}.")
    own = [_taken(text, name, inside, found) for text in texts]
    make = scripts.multisig_leaf if inside == "tr" else scripts.multisig
    threshold, order = int(needed), name.startswith("sorted")

    def script(index: int) -> bytes:
        serialised = [_serialised(key, index, inside) for key in own]
        return make(threshold, sorted(serialised) if order else serialised)  # BIP 67's order

    return script


def _raw(arguments: list[str]) -> Script:
    try:
        script = bytes.fromhex(arguments[0]) if len(arguments) == 1 and " " not in arguments[0] else b""
    except ValueError:
        script = b""
    if not script:
        raise UsageError("raw of the descriptor takes a script in hexadecimal digits.")
    return lambda _index: script


def _taproot(arguments: list[str], found: list[Key]) -> Script:
    if len(arguments) > 2:
        raise UsageError("tr of the descriptor takes a key, and one tree of scripts.")
    key = _taken(arguments[0], "tr", "", found)
    root = _tree(arguments[1], found) if len(arguments) == 2 else None
    return lambda index: scripts.p2tr(_x_only(key.at(index)), root(index) if root else b"")


def _tree(text: str, found: list[Key], depth: int = 0) -> Script:
    """The hash of a tree of scripts by index (BIP 386)."""
    if depth > _DEEPEST:
        raise UsageError(f"the descriptor's tree is deeper than {_DEEPEST}.")
    if text.startswith("{") and text.endswith("}"):
        parts = _split(text[1:-1])
        if len(parts) != 2:
            raise UsageError("a branch of the descriptor's tree has two parts.")
        one, other = (_tree(part, found, depth + 1) for part in parts)
        return lambda index: scripts.branch_hash(one(index), other(index))
    _, script = _script(text, "tr", found)
    return lambda index: scripts.leaf_hash(script(index))
