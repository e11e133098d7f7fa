"""Whirlpool's pools: what its mixes and its funding transactions have in common."""

from __future__ import annotations

FEES = {
    100_000: 5_000,
    1_000_000: 50_000,
    2_500_000: 125_000,
    5_000_000: 175_000,
    25_000_000: 1_250_000,
    50_000_000: 1_750_000,
}
"""Denomination -> the coordinator's flat fee, both in sat.

Samourai's pools as in graphsense-lib; Ashigaru's denominations (0.025 and 0.25 BTC) as in
crocs-muni/coinjoin-analysis, with 5 % for their fee (P: the rate of the small Samourai pools).
"""

SURPLUS = 110_000
"""Most sat that a premix coin holds above the denomination, for its part of the miner's fee (graphsense-lib)."""
