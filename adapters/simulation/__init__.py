"""A simulated Bitcoin regtest economy: real serialised blocks, and the truth about who owns what.

Payments only: addresses, amounts, times. `build_world("market", seed=1, txs=20_000)` is a year from 2019-01-01:

- market A holds escrow in a pool, takes 5 %, pays vendors twice a week and leaves with the balance half-way.
  Its sweeps spend a coin of the pool beside the deposits (but for the first), so its deposit and pool addresses
  are one co-spend cluster;
- market B has 2-of-3 escrow an order (P2SH and P2WSH), takes 3 %, refunds one order in sixteen; its commission
  is put away and never cashed out;
- vendors and the shop's operator cash out straight, through a hop, by peel chains of up to dozens of hops,
  through the swapper, and through CoinJoins. Proceeds of a case stay in wallets of their own, and what an owner
  keeps is never spent: following coins from the sources, stopping at mixes, finds the exits of the truth and no
  others (a test does so);
- five exchanges: kyc-1 and nokyc-2 sweep deposits together with a hot coin; kyc-2, nokyc-1 and the swapper sweep
  them alone. Every deposit is swept before the end;
- Whirlpool, JoinMarket and WabiSabi shapes are the only transactions with inputs of several owners, beside
  PayJoins;
- innocent look-alikes and people of eight wallet programs fill the rest.

Anachronisms on purpose, for a decoder and the detectors to meet: taproot, anchors, Whirlpool, WabiSabi in 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.simulation.source import build_world, parse_source

if TYPE_CHECKING:
    from adapters.simulation.truth import GroundTruth
    from adapters.simulation.world import World

__all__ = ["GroundTruth", "World", "build_world", "parse_source"]


def __getattr__(name: str) -> Any:
    """Import the heavy modules (polars, pyarrow) only where somebody asks for their classes."""
    if name == "World":
        from adapters.simulation.world import World

        return World
    if name == "GroundTruth":
        from adapters.simulation.truth import GroundTruth

        return GroundTruth
    raise AttributeError(name)
