"""Bridges, one file each. A new bridge is one new file, one line here, and its contracts in `emitters.yml`."""

from __future__ import annotations

from rules.bridges.across import Across
from rules.bridges.cctp import CctpV1, CctpV2
from rules.bridges.celer import Celer
from rules.bridges.hop import Hop
from rules.bridges.layerzero_v2 import LayerZeroV2
from rules.bridges.stargate_v1 import StargateV1
from rules.bridges.thorchain import Thorchain
from rules.bridges.wormhole import Wormhole
from tracer.flow.bridges.rules import Bridge

BRIDGES: tuple[Bridge, ...] = (
    Across(), CctpV1(), CctpV2(), Celer(), Hop(), LayerZeroV2(), StargateV1(), Thorchain(), Wormhole(),
)  # fmt: skip


def topics() -> frozenset[bytes]:
    """Topics of all events that bridges are told by: a source keeps these."""
    return frozenset(event.topic for bridge in BRIDGES for event in bridge.events)
