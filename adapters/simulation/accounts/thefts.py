"""Two more cases: a drainer whom victims allowed to spend their tokens, and bitcoin that comes back as stablecoin."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from adapters.simulation.accounts.cashout import Proceeds
from adapters.simulation.accounts.custodian import Exchange
from adapters.simulation.accounts.keys import Account, address_of, secret
from adapters.simulation.accounts.relay import Relays
from adapters.simulation.accounts.stage import CHAIN_IDS, DOLLARS, ETH, GWEI, Stage
from adapters.simulation.accounts.tokens import pay
from adapters.simulation.accounts.wallets import Person


class Drainer:
    """His operator account pulls what victims approved to another account of his; the case is `drained`."""

    def __init__(self, stage: Stage, relays: Relays, exchanges: list[Exchange], people: list[Person]) -> None:
        self.stage, self.relays, self._people = stage, relays, people
        self.name = stage.records.actor("drainer", "thief")
        self.operator = stage.account(self.name, "operator")
        stage.a.chain.endow(self.operator.address, 5 * ETH)
        self.exchange = next(exchange for exchange in exchanges if exchange.name == "exchange-nokyc-2")
        self.victims: list[str] = []
        for part in (20, 35, 50, 65):
            stage.plan(part, 100, self._drain)

    def _drain(self) -> None:
        usdt, records = self.stage.a.usdt, self.stage.records
        rich = [
            person
            for person in self._people
            if person.name not in self.victims
            and usdt.of(person.address) >= 10**8
            and person.coin(self.stage.a) > 0
        ]
        if not rich:
            return
        victim = self.stage.pick(rich)
        self.victims.append(victim.name)
        collector = self.stage.account(self.name, "proceeds")
        usdt.approve(victim.account, self.operator.address)
        amount = usdt.of(victim.address)
        tx = usdt.pull(self.operator, victim.address, collector.address, amount, "theft")
        pay(self.stage.a.chain, self.operator, collector.address, ETH // 10, "gas")
        records.link(victim.address, self.operator.address, False, "approval and transferFrom by a thief")
        records.link(self.operator.address, collector.address, True, "gas funder of proceeds")
        records.specials.setdefault("transferFrom by an operator", tx)
        way = "hop" if len(self.victims) % 2 else "swap"
        Proceeds(
            self.stage, self.relays, self.exchange, "drained", self.name, way, collector, usdt, tx, amount
        ).start(3)  # fmt: skip


RETURNER = "launderer"


@dataclass(frozen=True)
class Inbound:
    """Bitcoin that somebody paid into the swap network: the transaction, and its worth in ether here."""

    txid: str
    wei: int


def destination(seed: int, i: int) -> Account:
    """The account that the payout of inbound number i goes to: a bitcoin transaction's memo can name it beforehand."""
    key = secret(f"tracer/simulation/accounts/returns/{seed}/{i}")
    return Account(address_of(key), key, RETURNER, GWEI)


def made_up(seed: int, count: int) -> list[Inbound]:
    """Inbound transactions of no chain, for worlds that no bitcoin world is tied to."""
    digests = [hashlib.sha256(f"inbound/{seed}/{i}".encode()).hexdigest() for i in range(count)]
    return [Inbound(digest, (2 + i) * ETH) for i, digest in enumerate(digests)]


class Returns:
    """Each inbound is paid out to a fresh account, in turn as stablecoin and as coin; the case is `swapped_in`."""

    def __init__(
        self, stage: Stage, relays: Relays, exchanges: list[Exchange], seed: int, inbound: Sequence[Inbound]
    ) -> None:
        self.stage, self.relays, self.seed, self.inbound = stage, relays, seed, inbound
        stage.records.actor(RETURNER, "launderer")
        self._exchanges = [exchange for exchange in exchanges if exchange.vasp.kyc_level == "none"]
        for i in range(len(inbound)):
            stage.plan(10 + 60 * i // len(inbound), 100, partial(self._pay, i))

    def _pay(self, i: int) -> None:
        stage, place, inbound = self.stage, self.stage.a, self.inbound[i]
        account = destination(self.seed, i)
        for chain_id in CHAIN_IDS:
            stage.records.owned(chain_id, account.address, RETURNER, "proceeds")
        token = place.usdt if i % 2 == 0 else None
        amount = inbound.wei * DOLLARS // 10**12 if token else inbound.wei
        tx = place.thorchain.pay_out(account.address, token, amount, f"OUT:{inbound.txid.upper()}")
        exchange = self._exchanges[i % len(self._exchanges)]
        if token:  # gas from a stranger: coin of the account is never deposited
            exchange.withdraw(place, account.address, None, ETH // 10)
        way = ("hop", "direct", "bridge", "swap")[i % 4] if token else "hop"
        Proceeds(
            stage, self.relays, exchange, "swapped_in", RETURNER, way, account, token, tx, amount
        ).start(3)  # fmt: skip
