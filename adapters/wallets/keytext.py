"""Key expressions of descriptors (BIPs 380, 386): `[origin]KEY/path/*`. No message repeats a key."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.wallets import keys, secrets
from adapters.wallets.keys import HARDENED, BadKey, ExtendedKey
from tracer.errors import UsageError

_ORIGIN = re.compile(r"\[[0-9a-fA-F]{8}(?:/[0-9]{1,10}['h]?)*\]")
_STEP = re.compile(r"([0-9]{1,10})(['h]?)")
_HEX = re.compile(r"[0-9a-fA-F]+")


@dataclass(frozen=True)
class Key:
    """One key expression. `fixed`: 33 or 65 bytes, 32 where x-only; else `node` has been derived down to its last step.

    ranged  its last step is `*`
    """

    fixed: bytes = b""
    node: ExtendedKey | None = None
    ranged: bool = False

    def at(self, index: int) -> bytes:
        """The serialised public key of an index, the same for all where it is not ranged."""
        if self.node is None:
            return self.fixed
        return self.node.child(index).key if self.ranged else self.node.key

    @property
    def compressed(self) -> bool:
        """Whether it is not of 65 bytes."""
        return len(self.fixed) != 65


def read(text: str, where: str, *, x_only: bool) -> Key:
    """One key expression; `UsageError` (`BadKey`) says where and why it is none. `x_only`: inside `tr`."""
    origin = _ORIGIN.match(text)
    rest = text[origin.end() :] if origin else text
    if rest.startswith("[") or "]" in rest or not rest:
        raise BadKey(f"{where}: its origin is not [8 hexadecimal digits/steps] before a key.", hint=_STEPS)
    head, *steps = rest.split("/")
    try:
        if _HEX.fullmatch(head):
            return _plain(head, steps, x_only=x_only)
        return _extended(keys.parse(head), steps)
    except BadKey as error:
        raise BadKey(f"{where}: {error.problem}", hint=error.hint) from None


_STEPS = "A step is a number below 2147483648, with h or ' behind it where it is hardened."


def _plain(head: str, steps: list[str], *, x_only: bool) -> Key:
    if len(head) == 64 and not x_only:
        raise secrets.refusal(secrets.HEXADECIMAL)
    if steps:
        raise BadKey("a single public key derives no others.")
    if len(head) not in (64, 66, 130):
        raise BadKey(f"{len(head)} hexadecimal digits are no public key.")
    data = bytes.fromhex(head)
    if len(data) == 32:
        keys.point(b"\x02" + data)
        return Key(data)
    return Key(keys.point(data))


def _extended(node: ExtendedKey, steps: list[str]) -> Key:
    ranged = bool(steps) and steps[-1] in ("*", "*h", "*'")
    hardened = ranged and steps[-1] != "*"
    for step in steps[: -1 if ranged else None]:
        match = _STEP.fullmatch(step)
        if match is None or int(match[1]) >= HARDENED:
            raise BadKey("a step of its path is no number below 2147483648.", hint=_STEPS)
        hardened = hardened or bool(match[2])
        if not hardened:
            node = node.child(int(match[1]))
    if hardened:
        raise UsageError(
            "the descriptor has a hardened step behind an extended public key: that takes the private key.",
            hint="Hand in the extended public key at the last hardened step, with its origin in front.",
        )
    return Key(node=node, ranged=ranged)
