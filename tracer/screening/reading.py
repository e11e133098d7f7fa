"""What chain a text is of, and what it names there: an address, an outpoint, a txid.

The chain is the one that is named, else the only one that was read here on which the text is something, else the only
one of all. Raises `BadSubject`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from tracer.chain import Chain
from tracer.errors import BadSubject, UsageError
from tracer.flow.seeding import grammar
from tracer.intel.claims import clean
from tracer.screening.model import Direction

_MOST_LETTERS = 200
_WAYS = "Give an address, TXID:VOUT, TXID@ADDRESS, or --to ADDRESS --amount X."


@dataclass(frozen=True)
class Reading:
    """What texts are read by.

    chain      the chain of what names none; None: the one on which the text is something
    direction  of what says none
    named      chain by name or CAIP-2 id; None where there is no such chain
    here       chains that were read, in order
    known      every other chain
    secret     what kind of secret a text holds, None: none. Such a text is refused and never repeated
    decimals   digits after the point of an asset of an account chain; `UsageError` where nobody knows them
    """

    chain: Chain | None
    direction: Direction
    named: Callable[[str], Chain | None]
    here: Sequence[Chain]
    known: Sequence[Chain]
    secret: Callable[[str], str | None]
    decimals: Callable[[Chain, str], int]


def look_up(text: str, body: str, chain: Chain | None, by: Reading) -> tuple[Chain, grammar.Seed]:
    """A parsed text and its chain: the one named, else the only one read here on which it is something, else any."""
    if body.partition(":")[0].strip().lower() in ("tag", "vasp", "cluster"):
        refuse(
            f"{shown(text)} is no address and no transfer.",
            "Screen single addresses; follow labels, services and clusters with `tracer trace`.",
        )
    if chain is not None:
        return chain, _parsed(body, chain)
    for chains in (by.here, by.known):
        fitting = [(entry, seed) for entry in chains if (seed := _fits(body, entry)) is not None]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            names = [entry.name for entry, _ in fitting]
            refuse(
                f"{shown(text)} may be of {', '.join(names[:-1])} or {names[-1]}.",
                f"Name its chain: --chain {names[0]}, or {names[0]}:... in front.",
            )
    likely = _likely(body, by)
    return likely, _parsed(body, likely)


def _likely(body: str, by: Reading) -> Chain:
    """The chain whose reason a text that fits nowhere is refused with: of those read, the first of its shape."""
    chains = [*by.here, *by.known]
    prefixed = body[:2].lower() == "0x"
    return next((c for c in chains if (c.hash_text(bytes(32))[:2] == "0x") is prefixed), chains[0])


def _fits(body: str, chain: Chain) -> grammar.Seed | None:
    """A text read as of a chain; None where it is nothing there, or is not written as that chain's people do."""
    try:
        seed = grammar.parse(body, chain)
    except UsageError:
        return None
    if seed.kind in ("outpoint", "txid", "txid_all", "txid_address"):
        return seed if body.lower().startswith(grammar.txid_of(seed)) else None
    return seed


def _parsed(body: str, chain: Chain) -> grammar.Seed:
    try:
        return grammar.parse(body, chain)
    except UsageError as error:
        if error.problem.endswith("is no seed."):  # something stands behind a txid
            refuse(f"{shown(body)} is no transfer.", "Write TXID:VOUT or TXID@ADDRESS.")
        raise BadSubject(error.problem, hint=error.hint or _WAYS) from error


def prefixed(body: str, by: Reading) -> tuple[Chain | None, str]:
    """The chain that stands in front of a subject, and the rest; a CAIP-2 id has a colon of its own."""
    parts = body.split(":")
    for count in (1, 2):
        if len(parts) > count and (found := by.named(":".join(parts[:count]).strip().lower())) is not None:
            return found, ":".join(parts[count:]).strip()
    return None, body


def chain_called(name: str, by: Reading) -> Chain:
    """The chain of a name or CAIP-2 id."""
    found = by.named(name.strip().lower())
    if found is None:
        refuse(f"there is no chain {shown(name)}.", "Write bitcoin, ethereum, tron, ... or a CAIP-2 id.")
    return found


def plain(text: str, by: Reading, what: str = "the subject") -> str:
    """A text without space around it, fit to be repeated in a message."""
    if (kind := by.secret(text)) is not None:
        refuse(
            f"{what} holds {kind}; it was neither read nor kept.",
            "Screen addresses; keep secrets to yourself.",
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        refuse(f"{what} is no text.", "Write it in UTF-8.")
    body = " ".join(text.split())
    if len(body) > _MOST_LETTERS and what != "customer_reference":
        refuse(f"{what} has {len(body)} letters: nothing that can be screened is so long.", _WAYS)
    if not body:
        refuse(f"{what} is empty.", _WAYS)
    return body


def refuse(problem: str, hint: str) -> NoReturn:
    """Raise `BadSubject`."""
    raise BadSubject(problem, hint=hint)


def shown(text: str) -> str:
    """A text from outside, fit to be repeated in a message."""
    safe = clean(text)
    return repr(safe if len(safe) <= 80 else f"{safe[:80]}...")
