"""What a claim makes of an address: where a trace stops, and where it goes on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from tests.tracer.intel_examples import tag
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.tagged import fate_of


def said(category: str, actor: str = "", role: str = "", **more: str) -> dict[str, Any]:
    return asdict(tag(category=category, actor=actor, role=role, **more))


@pytest.mark.parametrize(
    ("claim", "fate"),
    [
        (said("exchange"), Fate.SERVICE),
        (said("exchange", "acme", "hot"), Fate.SERVICE),
        (said("gambling", "casino", "hot"), Fate.CUSTODIAL_POOL),
        (said("gambling", "acme", "hot"), Fate.SERVICE),  # a registered VASP can be asked, whatever it runs
        (said("market", "bazaar", "pool"), Fate.CUSTODIAL_POOL),
        (said("market", "bazaar", "escrow"), None),  # per-order escrow goes through one to one
        (said("escrow_wallet", "bazaar"), None),
        (said("mixing_service"), Fate.MIXER),
        (said("mixing_service", "acme"), Fate.MIXER),
        (said("defi_bridge"), Fate.BRIDGE),
        (said("child_sexual_abuse", "shop", "payment"), None),
        (said("donation"), None),
        (said("scam"), None),
        (said("vendor", "", "hot"), None),
        (said("", ""), None),
        (said("sanction", concepts="exchange"), Fate.SERVICE),  # any of its concepts can end a trace
        (said("exchange", concepts="mixing_service sanction"), Fate.MIXER),
        (said("exchange", "acme", tag_type="mention"), None),  # mentioned somewhere is held by nobody
        (
            said("exchange", "acme", protection="test_purchase"),
            Fate.SERVICE,
        ),  # bought there, and still theirs
        (said("user", "acme", protection="victim"), None),
        (said("exchange", "acme", concepts="service_hack victim"), Fate.SERVICE),  # a hacked exchange is one
        (said("exchange", "acme", concepts="mixing"), Fate.SERVICE),  # a registered service can be asked
        (said("exchange", "", concepts="mixing"), Fate.MIXER),
        (said("user", concepts="victim"), None),
        (said("swapper", "small", nested_in="acme"), Fate.SERVICE),
        (said("user", "someone", nested_in="acme"), Fate.SERVICE),  # an account at a registered service
    ],
)
def test_what_a_trace_does_at_a_tagged_address(claim: dict[str, Any], fate: Fate | None) -> None:
    assert fate_of(claim, known="acme" in (claim["actor"], claim["nested_in"])) is fate


def test_every_fate_but_spent_has_exactly_one_bucket() -> None:
    listed = [fate for fates in BUCKETS.values() for fate in fates]
    assert sorted(listed) == sorted(set(Fate) - {Fate.SPENT})
