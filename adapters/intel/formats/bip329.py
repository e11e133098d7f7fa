"""Wallet labels (BIP 329): JSON Lines that a wallet exports, what its owner calls addresses, transactions and outputs.

A label is the owner's word and nothing more: the tag has no category and no actor, so that no trace ends at it, the
confidence `unknown`, and counts as TLP:AMBER+STRICT, for labels name private persons. Claims speak of addresses: labels
of anything else are rejected with the reason, each by its line. `spendable` is of outputs, and outputs are rejected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.addresses import registry
from adapters.bitcoin.chains import CHAINS
from adapters.intel import jsontext
from adapters.intel.found import Found, Rows
from adapters.wallets import secrets
from tracer.errors import BadAddress
from tracer.intel.claims import UNMARKED, ClaimKind

kind: ClaimKind = "tags"

_OTHERS = {
    "tx": "it labels a transaction, and claims speak of addresses",
    "input": "it labels an input, and claims speak of addresses",
    "output": "it labels an output, and claims speak of addresses: tag the address it pays",
    "pubkey": "it labels a public key, which has several addresses: `tracer seeds derive 'combo(KEY)'` names them",
    "xpub": "it labels an extended public key: `tracer seeds derive KEY` names its addresses",
}
"""Types whose labels no claim can hold, and why."""
_TYPES = frozenset({"addr", *_OTHERS})
_SHOWN = 40


def recognise(_path: Path, text: str) -> bool:
    """By its first line that is not blank: an object with a `ref` and one of BIP 329's types."""
    first = text.lstrip().partition("\n")[0]
    try:
        value = json.loads(first) if first.startswith("{") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and _text(value, "type") in _TYPES and isinstance(value.get("ref"), str)


def rows(text: str, found: Found) -> Rows:
    """One row per labelled address. The date is that of the export, which only the user can say (`--published`)."""
    name = Path(found.file).name
    for line, value, problem in jsontext.lines(text):
        if problem := problem or _problem(value):
            found.reject(line, problem)
            continue
        try:
            chain = _chain(value["ref"])
        except BadAddress as error:
            found.reject(line, str(error))
            continue
        yield (
            line,
            {
                "chain": chain,
                "address": value["ref"],
                "label": value["label"],
                "source": f"wallet labels {name}",
                "pack": name,
                "lastmod": found.about.published,
                "tag_type": "mention",
                "context": _origin(value),
                "tlp": UNMARKED,
            },
        )


def _problem(value: Any) -> str:
    """Why a record is no label of an address; "" where it is one. A secret in it is named and not repeated."""
    if not isinstance(value, dict) or not isinstance(value.get("ref"), str):
        return "no label: BIP 329 asks for an object with a type and a ref"
    texts = [text for text in value.values() if isinstance(text, str)]
    if secret := next(filter(None, map(secrets.kind_in, texts)), None):
        return f"it holds what looks like a secret ({secret}): nothing of the line is kept"
    labelled = _text(value, "type")
    if labelled in _OTHERS:
        return _OTHERS[labelled]
    if labelled != "addr":
        return f"type {labelled[:_SHOWN]!r} is none of BIP 329"
    if not isinstance(value.get("label", ""), str):
        return "its label is no text"
    return "" if _text(value, "label").strip() else "it has no label: it says nothing of its address"


def _text(value: Mapping[str, Any], name: str) -> str:
    """A field that is a text; "" where it is none."""
    return text if isinstance(text := value.get(name), str) else ""


def _chain(text: str) -> str:
    """The chain of an address: Bitcoin's, else the only one that takes it; a label does not say its chain."""
    try:
        registry.parse("bitcoin", text)
    except BadAddress as error:
        takes = [name for name in CHAINS if _is_of(name, text)]
        if len(takes) == 1:
            return takes[0]
        if takes:
            raise BadAddress(
                f"{text.strip()[: _SHOWN * 3]!r} is an address of {', '.join(takes)}; a label does not say of which."
            ) from None
        raise error from None
    return "bitcoin"


def _is_of(chain: str, text: str) -> bool:
    try:
        registry.parse(chain, text)
    except BadAddress:
        return False
    return True


def _origin(value: Mapping[str, Any]) -> str:
    """The wallet the label comes from, as the export says it."""
    origin = _text(value, "origin").strip()
    return f"origin {origin}" if origin else ""
