"""All that decides a verdict, read out of a kept document: what a question must be given to be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tracer.flow.question import seconds
from tracer.screening.model import Subject

Document = Mapping[str, Any]
CHANGEABLE = ("label", "price", "chain", "rule", "time")
"""Inputs that can be set one at a time. What a verdict depends on besides is the code: `heuristic`."""


@dataclass(frozen=True)
class Inputs:
    """What one verdict was, or is to be, made of.

    labels, prices  ids of claims snapshots: whose claims but prices, whose prices
    block           hash of the block that was the tip; None: the tip as it is, or no block at all
    policy          `sha256:...`
    evaluated_at    unix seconds
    own, hops       as asked; hops None: as the policy has it
    """

    chain: str
    labels: str
    prices: str
    block: str | None
    policy: str
    evaluated_at: int
    own: tuple[str, ...] = ()
    hops: int | None = None

    def value(self, cause: str) -> object:
        """The input that a cause is about."""
        return getattr(self, _FIELDS[cause])

    def having(self, cause: str, other: Inputs) -> Inputs:
        """These inputs with one of another's."""
        fields: dict[str, Any] = {_FIELDS[cause]: other.value(cause)}
        return replace(self, **fields)


_FIELDS = {"label": "labels", "price": "prices", "chain": "block", "rule": "policy", "time": "evaluated_at"}


def of_document(document: Document, hops_of_policy: int | None) -> Inputs:
    """What a kept document was made of. `hops_of_policy`: what its policy asks for, None where it is not known."""
    asked = document.get("parameters") or {}
    hops, as_of = asked.get("hops"), document["as_of"]
    return Inputs(
        chain=document["subject"]["chain"],
        labels=document["intel_snapshot"],
        prices=document["intel_snapshot"],
        block=as_of[0]["block_hash"] if as_of else None,
        policy=document["policy"]["sha256"],
        evaluated_at=seconds(document["evaluated_at"]),
        own=tuple(asked.get("own", ())),
        hops=None if hops_of_policy in (None, hops) else hops,
    )


def subject_of(document: Document, coin: str) -> Subject:
    """What was asked about. `coin` is the name of the chain's own."""
    said = document["subject"]
    amount = said["amount"]
    token = (amount or {}).get("asset_id") or said["asset"]
    return Subject(
        kind=said["kind"],
        chain=said["chain"],
        text=said["address"] or f"{said['txid']}:{said['vout']}",
        address=said["address"],
        txid=said["txid"],
        vout=said["vout"],
        transfer_index=said["transfer_index"],
        asset=None if token == coin else token,
        units=int(amount["base_units"]) if amount and said["kind"] == "withdrawal_attempt" else None,
        direction=said["direction"],
        reference=said["customer_reference"] or "",
    )


def judged(document: Document) -> str:
    """The verdict as the policy had it, exceptions aside."""
    return str(document.get("policy_verdict") or document["verdict"])
