"""Ways from chain to chain: a bridge with an end on each, and a swap network that pays for bitcoin."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.simulation.accounts.artefacts import contract
from adapters.simulation.accounts.chain import NATIVE, Chain, Tx
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.services import CREATE_GAS, placed
from adapters.simulation.accounts.tokens import Token
from tracer.chain import TransferKind

KEPT = 10  # of ten thousand that relayers keep
PATIENCE = 21_600  # seconds until a deposit may be refunded


@dataclass(frozen=True)
class Crossing:
    """A deposit at one end: what the other end has to pay to whom."""

    tx: Tx
    number: int
    depositor: bytes
    recipient: bytes
    token: Token
    amount: int
    due: int
    deadline: int


class Bridge:
    """One end. Deposits stay in it; a relayer pays out of his own pocket at the other end."""

    def __init__(self, chain: Chain, maker: Account, role: str = "bridge") -> None:
        self.chain, self.api = chain, contract("Bridge")
        self.address = placed(chain, chain.create(maker, self.api.creation()), "Bridge", maker.owner, role)
        self.deposits = 0

    def deposit(self, who: Account, token: Token, there: Token, to: bytes, amount: int) -> Crossing:
        """Send a token, approved before, to an account of another chain as `there`."""
        due = amount - amount * KEPT // 10_000
        deadline = self.chain.time + PATIENCE
        data = self.api.call(
            "deposit", to, token.address, there.address, amount, due, there.chain.chain_id, deadline
        )
        tx = self.chain.send(who, self.address, 0, data, gas=CREATE_GAS)
        token.move(tx, who.address, self.address, amount)
        self.chain.records.payment(tx, "bridge_deposit", token.address, who.address, self.address, amount)
        self.deposits += 1
        return Crossing(tx, self.deposits - 1, who.address, to, token, amount, due, deadline)

    def fill(self, relayer: Account, crossing: Crossing, there: Token) -> Tx:
        """Pay what a deposit at the other end asks for; `there` is the token of this chain."""
        data = self.api.call(
            "fill", crossing.tx.chain_id, crossing.number, crossing.depositor, crossing.recipient,
            crossing.token.address, there.address, crossing.amount, crossing.due, crossing.deadline,
        )  # fmt: skip
        tx = self.chain.send(relayer, self.address, 0, data, gas=CREATE_GAS)
        there.move(tx, relayer.address, crossing.recipient, crossing.due)
        records = self.chain.records
        records.payment(tx, "bridge_fill", there.address, relayer.address, crossing.recipient, crossing.due)
        self.told(crossing, tx, there)
        return tx

    def told(self, crossing: Crossing, filled: Tx | None, there: Token) -> None:
        """Put a deposit and its other side (None: nobody filled it) into the truth."""
        c = crossing
        row = (
            c.tx, filled, c.number, c.token.address, c.amount, there.address, c.due, c.depositor, c.recipient
        )  # fmt: skip
        self.chain.records.bridged.append(row)


class Thorchain:
    """The router of a swap network; its vault is an ordinary account that everybody's money passes through."""

    def __init__(self, chain: Chain, maker: Account, vault: Account) -> None:
        self.chain, self.vault, self.api = chain, vault, contract("Thorchain")
        address = placed(
            chain, chain.create(maker, self.api.creation()), "Thorchain", maker.owner, "thorchain"
        )
        self.address = address

    def fund(self, token: Token, amount: int) -> None:
        """The vault's own tokens into the router, where it pays out from."""
        token.approve(self.vault, self.address)
        self.deposit(self.vault, token, amount, "ADD")

    def deposit(self, who: Account, token: Token | None, amount: int, memo: str) -> Tx:
        """Coin (None) or a token to the vault; the memo says what for."""
        asset = token.address if token else bytes(20)
        data = self.api.call(
            "depositWithExpiry", self.vault.address, asset, amount, memo, self.chain.time + PATIENCE
        )
        tx = self.chain.send(who, self.address, 0 if token else amount, data, gas=CREATE_GAS)
        if token:
            token.move(tx, who.address, self.address, amount)
        else:
            self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.address, self.vault.address, amount)
        self._told(tx, "in", memo, token, who.address, amount)
        return tx

    def pay_out(self, to: bytes, token: Token | None, amount: int, memo: str) -> Tx:
        """What somebody is due for what he paid in elsewhere."""
        asset = token.address if token else bytes(20)
        data = self.api.call("transferOut", to, asset, amount, memo)
        tx = self.chain.send(self.vault, self.address, 0 if token else amount, data, gas=CREATE_GAS)
        if token:
            token.move(tx, self.address, to, amount)
        else:
            self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.address, to, amount)
        self._told(tx, "out", memo, token, to, amount)
        return tx

    def _told(self, tx: Tx, side: str, memo: str, token: Token | None, account: bytes, amount: int) -> None:
        asset = token.address if token else NATIVE
        self.chain.records.crossings.append((tx, side, memo, asset, account, amount))
