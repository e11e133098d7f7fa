"""What is rare on a chain and must be read right all the same: one of each, by name in the truth (`specials`).

Calls that fail after they paid, contracts that come and go, things that are counted one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.simulation.accounts.artefacts import contract, created_at
from adapters.simulation.accounts.chain import NATIVE, Tx
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.services import Multisig, placed
from adapters.simulation.accounts.stage import ETH, Stage
from adapters.simulation.accounts.tokens import pay
from adapters.simulation.accounts.wallets import Person
from tracer.chain import TransferKind

CALL_GAS = 400_000
LEAVES_AT_ONCE = "73{heir}ff"  # PUSH20 heir, SELFDESTRUCT: run while it is created
RETURNS_ALL = bytes.fromhex("6133ff6000526002601ef3")  # makes a contract whose code is CALLER, SELFDESTRUCT
REFUSES_ALL = bytes.fromhex("6460006000fd6000526005601bf3")  # ... is PUSH1 0, PUSH1 0, REVERT


def schedule(stage: Stage, acts: Sequence[Callable[[], object]], first: int) -> None:
    """Put acts on the agenda one after the other, from a part of a hundred on."""
    for i, act in enumerate(acts):
        stage.plan(first + 6 * i, 100, act)


class Oddities:
    """All of them are done by one harmless tester."""

    def __init__(self, stage: Stage, people: list[Person]) -> None:
        self.stage, self.chain, self.records = stage, stage.a.chain, stage.records
        self.one, self.other, self.third = (person.address for person in people[:3])
        self.tester = stage.account(stage.records.actor("tester", "user"), "wallet")
        self.chain.endow(self.tester.address, 100 * ETH)
        stage.a.taxed.give(stage.a.maker, self.tester.address, 1_000 * ETH, "grant")
        self._api = contract("Quirks")
        schedule(stage, (
            self._contracts, self._refusals, self._creations, self._destructions, self._lending, self._tokens,
            self._collectibles, self._contract_wallet, self._great_mix,
        ), 8)  # fmt: skip

    def _named(self, name: str, tx: Tx) -> Tx:
        self.records.specials[name] = tx
        return tx

    def _deploy(self, name: str, role: str, *values: object) -> bytes:
        address = self.chain.create(self.tester, contract(name).creation(*values))
        return placed(self.chain, address, name, self.tester.owner, role)

    def _call(self, data: bytes, amount: int = 0, *, ok: bool = True) -> Tx:
        return self.chain.send(self.tester, self.quirks, amount, data, gas=CALL_GAS, ok=ok)

    def _contracts(self) -> None:
        self.quirks = self._deploy("Quirks", "test contract")
        self.collectible = self._deploy("Collectible", "collectible")
        self.items = self._deploy("Items", "collectible")

    def _refusals(self) -> None:
        """Payments that do not happen, and transactions that fail with all they did."""
        chain, tester, api = self.chain, self.tester, self._api
        refuses = placed(
            chain, chain.create(tester, REFUSES_ALL), "refuses all", tester.owner, "test contract"
        )
        tx = self._call(api.call("attempt", refuses), ETH)
        chain.move(tx, TransferKind.INTERNAL, NATIVE, self.quirks, tester.address, ETH)
        self._named("inner call with value refused", tx)
        tx = self._call(api.call("undone", self.one), 2 * ETH)
        chain.move(tx, TransferKind.INTERNAL, NATIVE, self.quirks, tester.address, 2 * ETH)
        self._named("payment inside a failed frame", tx)
        data = api.call("pay_then_fail", self.one)
        self._named("failed transaction with value", self._call(data, ETH, ok=False))
        self._named("failed token transfer", self.stage.a.usdt.overdraw(tester, self.one))
        self._named("transaction of nothing", chain.send(tester, self.one))

    def _creations(self) -> None:
        """Contracts created with value: by a transaction, and inside one."""
        chain, tester = self.chain, self.tester
        code = contract("Multisig").creation([tester.address, self.one])
        at = chain.create(tester, code, ETH)
        self._named("creation with value", self.records.txs[-1])
        placed(chain, at, "Multisig", tester.owner, "contract wallet")
        self.returns = created_at(self.quirks, 1)  # a contract's first nonce (EIP-161)
        tx = self._call(self._api.call("create", RETURNS_ALL), ETH // 2)
        chain.move(tx, TransferKind.INTERNAL, NATIVE, self.quirks, self.returns, ETH // 2)
        self._named("inner creation with value", tx)
        placed(chain, self.returns, "returns all", tester.owner, "test contract")
        chain.code.add(self.returns)

    def _destructions(self) -> None:
        """Contracts that destroy themselves: in the transaction that makes them, and later (EIP-6780)."""
        chain, tester = self.chain, self.tester
        at = chain.create(tester, bytes.fromhex(LEAVES_AT_ONCE.format(heir=self.other.hex())), ETH)
        tx = self._named("self-destruct while created", self.records.txs[-1])
        chain.move(tx, TransferKind.INTERNAL, NATIVE, at, self.other, ETH)
        placed(chain, at, "leaves at once", tester.owner, "test contract")
        tx = chain.send(tester, self.returns, ETH // 4)
        held = chain.held[NATIVE, self.returns]
        chain.move(tx, TransferKind.INTERNAL, NATIVE, self.returns, tester.address, held)
        self._named("self-destruct of an old contract", tx)

    def _lending(self) -> None:
        """Another contract's code run here: its frame shows the value a second time, and moves nothing."""
        payout = self.stage.a.payout
        data = payout.api.call("pay", [self.third], [ETH])
        tx = self._call(self._api.call("lend", payout.address, data), ETH)
        self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.quirks, self.third, ETH)
        self._named("delegate call with value", tx)

    def _tokens(self) -> None:
        """A token that keeps a part of what is sent, one burnt, one sent to many."""
        a, tester = self.stage.a, self.tester
        self._named(
            "fee-on-transfer token", a.taxed.give(tester, self.one, 100 * ETH, "payment")
        )  # fmt: skip
        self._named("tokens burnt", a.taxed.burn(tester, 50 * ETH))
        a.dai.give(a.maker, tester.address, 3_000 * ETH, "grant")
        a.dai.mint(a.maker.address, 10_000 * ETH)
        crowd = [self.stage.account("nobody-in-particular", "airdrop").address for _ in range(100)]
        self.records.actor("nobody-in-particular", "user")
        self._named("airdrop to many", a.dai.airdrop(a.maker, crowd, 5 * ETH))

    def _collectibles(self) -> None:
        """Things of one kind and of many (ERC-721, ERC-1155)."""
        one, many, tester = contract("Collectible"), contract("Items"), self.tester.address
        for name, to, data, moves in (
            ("collectible minted", self.collectible, one.call("mint", tester, 7), ((None, tester, 7, 1),)),
            ("collectible passed on", self.collectible, one.call("transferFrom", tester, self.one, 7),
             ((tester, self.one, 7, 1),)),
            ("items minted", self.items, many.call("mint", tester, [1, 2], [10, 20]),
             ((None, tester, 1, 10), (None, tester, 2, 20))),
            ("items passed on", self.items, many.call("give", self.one, 2, 5), ((tester, self.one, 2, 5),)),
        ):  # fmt: skip
            tx = self._named(name, self.chain.send(self.tester, to, 0, data, gas=CALL_GAS))
            for source, target, number, amount in moves:
                self.chain.move(
                    tx, TransferKind.TOKEN, to + number.to_bytes(32), source, target, amount
                )  # fmt: skip

    def _contract_wallet(self) -> None:
        """Coin and tokens out of a wallet that two of three owners must agree on."""
        a, tester = self.stage.a, self.tester
        second: Account = self.stage.account(tester.owner, "wallet")
        pay(self.chain, tester, second.address, ETH, "self_transfer")
        wallet = Multisig(self.chain, [tester, second], tester.owner)
        pay(self.chain, tester, wallet.address, 3 * ETH, "self_transfer")
        a.dai.give(tester, wallet.address, 500 * ETH, "self_transfer")
        self._named("coin out of a contract wallet", wallet.pay(self.one, ETH, "payment"))
        self._named("tokens out of a contract wallet", wallet.give(a.dai, self.one, 200 * ETH, "payment"))

    def _great_mix(self) -> None:
        """Ten ether through the mixer that few can use: the set of those it may come from is small."""
        mixer, to = self.stage.a.mixers[2], self.stage.account(self.tester.owner, "wallet")
        note = mixer.deposit(self.tester)
        self.records.link(self.tester.address, to.address, True, "both ends of a mixer")
        self.stage.at(10, lambda: mixer.withdraw(note, to.address, self.tester))
        self._named("deposit of ten ether in a mixer", note.tx)
