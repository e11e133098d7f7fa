"""Contracts that hold or forward other people's money: clones of a forwarder, payouts, shared wallets, mixers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.simulation.accounts.artefacts import clone_at, contract
from adapters.simulation.accounts.chain import NATIVE, Chain, Tx
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.tokens import Token
from tracer.chain import TransferKind

CREATE_GAS = 300_000
EACH_GAS = 70_000
MULTISIG_GAS = 700_000


def placed(chain: Chain, address: bytes, name: str, owner: str, role: str) -> bytes:
    """Say whose a contract is; gives its address."""
    chain.records.owned(chain.chain_id, address, owner, role)
    chain.records.contracts[chain.chain_id, address] = name
    return address


class Factory:
    """Deposit addresses as clones that forward to one hot wallet. They can be paid before they exist."""

    def __init__(self, chain: Chain, operator: Account, hot: bytes) -> None:
        self.chain, self.operator, self.hot = chain, operator, hot
        self.api = contract("Factory")
        model = chain.create(operator, contract("Forwarder").creation(hot))
        self.model = placed(chain, model, "Forwarder", operator.owner, "forwarder model")
        address = chain.create(operator, self.api.creation(model))
        self.address = placed(chain, address, "Factory", operator.owner, "factory")
        self._salts: dict[bytes, bytes] = {}

    def reserve(self, name: str) -> bytes:
        """The address that the clone of a name will have."""
        salt = hashlib.sha256(name.encode()).digest()
        address = clone_at(self.address, salt, self.model)
        self._salts[address] = salt
        return address

    def flush(self, clones: Sequence[bytes], asset: bytes) -> None:
        """Push on what they hold of an asset, and make those that do not exist yet."""
        chain = self.chain
        token = asset or bytes(20)
        old = [clone for clone in clones if clone in chain.code]
        for clone in clones:
            if clone not in chain.code:
                data = self.api.call("create_and_flush", self._salts[clone], token)
                self._forward(
                    chain.send(self.operator, self.address, 0, data, gas=CREATE_GAS), [clone], asset
                )
                chain.code.add(clone)
                chain.records.contracts[chain.chain_id, clone] = "clone of Forwarder"
        if old:
            data = self.api.call("flush_all", old, token)
            gas = CREATE_GAS + EACH_GAS * len(old)
            self._forward(chain.send(self.operator, self.address, 0, data, gas=gas), old, asset)

    def _forward(self, tx: Tx, clones: Sequence[bytes], asset: bytes) -> None:
        chain = self.chain
        kind = TransferKind.TOKEN if asset else TransferKind.INTERNAL
        for clone in clones:
            amount = chain.held[asset, clone]
            chain.move(tx, kind, asset, clone, self.hot, amount)
            chain.records.payment(tx, "sweep", asset, clone, self.hot, amount)


class Payout:
    """Pays many in one transaction."""

    def __init__(self, chain: Chain, maker: Account) -> None:
        self.chain, self.api = chain, contract("Payout")
        address = chain.create(maker, self.api.creation())
        self.address = placed(chain, address, "Payout", maker.owner, "payout")

    def pay(self, sender: Account, due: Sequence[tuple[bytes, int]], purpose: str) -> Tx:
        """Native coin to each; it reaches them by internal transfers."""
        total = sum(amount for _, amount in due)
        data = self.api.call("pay", [to for to, _ in due], [amount for _, amount in due])
        tx = self.chain.send(sender, self.address, total, data, gas=CREATE_GAS + EACH_GAS * len(due))
        for to, amount in due:
            self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.address, to, amount)
            self.chain.records.payment(tx, purpose, NATIVE, sender.address, to, amount)
        return tx

    def pay_token(self, sender: Account, token: Token, due: Sequence[tuple[bytes, int]], purpose: str) -> Tx:
        """Tokens to each; the sender has approved the contract."""
        data = self.api.call("pay_token", token.address, [to for to, _ in due], [amount for _, amount in due])
        tx = self.chain.send(sender, self.address, 0, data, gas=CREATE_GAS + EACH_GAS * len(due))
        for to, amount in due:
            token.move(tx, sender.address, to, amount)
            self.chain.records.payment(tx, purpose, token.address, sender.address, to, amount)
        return tx


class Multisig:
    """A wallet of several owners; two of them act."""

    def __init__(self, chain: Chain, owners: Sequence[Account], owner: str) -> None:
        self.chain, self.api, self.owners = chain, contract("Multisig"), owners
        code = self.api.creation([account.address for account in owners])
        address = chain.create(owners[0], code, gas=MULTISIG_GAS)
        self.address = placed(chain, address, "Multisig", owner, "contract wallet")
        self._acts = 0

    def pay(self, to: bytes, amount: int, purpose: str) -> Tx:
        """Native coin out of it."""
        tx = self._act(to, amount, b"")
        self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.address, to, amount)
        self.chain.records.payment(tx, purpose, NATIVE, self.address, to, amount)
        return tx

    def give(self, token: Token, to: bytes, amount: int, purpose: str) -> Tx:
        """Tokens out of it."""
        tx = self._act(token.address, 0, token.api.call("transfer", to, amount))
        token.move(tx, self.address, to, amount)
        self.chain.records.payment(tx, purpose, token.address, self.address, to, amount)
        return tx

    def _act(self, to: bytes, amount: int, data: bytes) -> Tx:
        self._acts += 1
        data = self.api.call("act", self._acts, to, amount, data)
        self.chain.send(self.owners[0], self.address, 0, data, gas=CREATE_GAS)
        return self.chain.send(self.owners[1], self.address, 0, data, gas=CREATE_GAS)


@dataclass(frozen=True)
class Note:
    """What a depositor keeps of a mixer: who may withdraw, from which pool, what nobody else knows."""

    tx: Tx
    who: Account
    secret: bytes


class Mixer:
    """One denomination. A withdrawal's nullifier says nothing of the deposit; the notes here do."""

    def __init__(self, chain: Chain, maker: Account, denomination: int) -> None:
        self.chain, self.api, self.denomination = chain, contract("Mixer"), denomination
        address = chain.create(maker, self.api.creation(denomination))
        self.address = placed(chain, address, "Mixer", maker.owner, "mixer")
        self._count = 0

    def deposit(self, who: Account) -> Note:
        """Put one denomination in."""
        self._count += 1
        secret = hashlib.sha256(self.address + self._count.to_bytes(4)).digest()
        data = self.api.call("deposit", hashlib.sha256(b"commitment" + secret).digest())
        tx = self.chain.send(who, self.address, self.denomination, data, gas=CREATE_GAS)
        self.chain.records.payment(tx, "mixer_deposit", NATIVE, who.address, self.address, self.denomination)
        return Note(tx, who, secret)

    def withdraw(self, note: Note, to: bytes, by: Account, fee: int = 0) -> Tx:
        """Take it out to an address; `by` sends the transaction and gets the fee."""
        nullifier = hashlib.sha256(b"nullifier" + note.secret).digest()
        relayer = by.address if fee else bytes(20)
        data = self.api.call("withdraw", nullifier, to, relayer, fee)
        tx = self.chain.send(by, self.address, 0, data, gas=CREATE_GAS)
        self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.address, to, self.denomination - fee)
        if fee:
            self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.address, relayer, fee)
        row = (note.tx, tx, self.address, self.denomination, note.who.owner, note.who.address, to)
        self.chain.records.mixes.append(row)
        self.chain.records.payment(tx, "mixer_withdrawal", NATIVE, self.address, to, self.denomination - fee)
        return tx
