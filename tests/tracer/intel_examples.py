"""Claims for tests: a plain one of each kind, changed where a test needs it."""

from __future__ import annotations

from typing import Any

from tracer.intel.claims import KINDS, Claim, ClaimKind, KycLevel, Tag, Vasp
from tracer.intel.reading import Reading


def tag(**change: Any) -> Tag:
    """A tag on address `a`; equal but for what `change` names."""
    said: dict[str, Any] = {
        "chain": "bitcoin-regtest",
        "address": "a",
        "label": "label",
        "category": "exchange",
        "actor": "",
        "role": "",
        "confidence": "unknown",
        "source": "test",
        "lastmod": "",
        "is_cluster_definer": False,
    } | change
    return Tag(**{"kind": 2, "payload": said["address"].encode(), **said})


def vasp(**change: Any) -> Vasp:
    """A service without KYC, at all times."""
    said: dict[str, Any] = {
        "vasp_id": "ex",
        "name": "Example",
        "type": "",
        "kyc_level": KycLevel.NONE,
        "jurisdiction": "",
        "xmr_support": None,
        "valid_from": "",
        "valid_to": "",
        "legal_contact": "",
        "source": "register",
        "assessed_at": "2021-06-01",
        "assessor": "",
    } | change
    return Vasp(**said)


def reading(*claims: Claim) -> Reading:
    """What an adapter would have read, without rejections; all claims of one kind."""
    kinds: dict[type[Claim], ClaimKind] = {claim_type: kind for kind, claim_type in KINDS.items()}
    return Reading.of(kinds[type(claims[0])] if claims else "tags", claims)
