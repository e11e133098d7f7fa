"""Vendors: what they hold at each market, how they cash out, when they move."""

from __future__ import annotations

from adapters.simulation.cashout import Mixer, Proceeds, Route
from adapters.simulation.economy import Economy
from adapters.simulation.exchanges import Exchange
from adapters.simulation.wallet import PRESETS

# How, and where to; vendor n takes line n modulo 10, so that the smallest world has every way out.
PLANS = (
    ("direct", "exchange-nokyc-1"), ("peel", "exchange-nokyc-2"), ("direct", "exchange-kyc-1"),
    ("whirlpool", "exchange-nokyc-1"), ("direct", "swapper-1"), ("hop", "exchange-nokyc-2"),
    ("joinmarket", "exchange-kyc-2"), ("peel", "exchange-nokyc-1"), ("wasabi", "exchange-nokyc-2"),
    ("hop", "exchange-kyc-2"),
)  # fmt: skip


class Vendor:
    """A seller. Money from the pool and money from escrows stays in two wallets."""

    def __init__(
        self, eco: Economy, number: int, exchanges: dict[str, Exchange], mixers: dict[str, Mixer]
    ) -> None:
        self.eco = eco
        self.name = f"vendor-{number:03d}"
        self.owner = eco.truth.owner(self.name, "vendor")
        way, where = PLANS[number % len(PLANS)]
        route = make_route(way, where, exchanges, mixers)
        fp = eco.pick(PRESETS)
        self.pool_proceeds = Proceeds(eco, self.owner, "pool_withdrawal", fp, [route])
        self.escrow_proceeds = Proceeds(eco, self.owner, "multisig_order", fp, [route])
        self.key_number = eco.ring.number()  # its key in every escrow
        self.at_a = number % 5 != 4
        self.at_b = number % 3 == 0 or not self.at_a
        self.migrates = number % 11 != 7  # some retire when market A closes
        at = eco.between(eco.ticks // 15, eco.ticks // 8)
        while at < eco.ticks - eco.days(5):
            eco.plan(at, self._cash_out)
            at += eco.days(eco.between(18, 35))
        eco.plan(eco.ticks - eco.days(eco.between(6, 20)), self._cash_out)

    def _cash_out(self) -> None:
        self.pool_proceeds.cash_out()
        self.escrow_proceeds.cash_out()


def make_route(way: str, where: str, exchanges: dict[str, Exchange], mixers: dict[str, Mixer]) -> Route:
    """A way out by name."""
    mixer = mixers.get(way)
    return ("mix" if mixer else way, exchanges[where], mixer)
