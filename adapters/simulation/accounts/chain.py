"""One chain of the world, block by block on its node, with what must come of every transaction kept beside.

Actors say what a transaction is and what it moves; the node executes it. What the node says afterwards (order, done or
failed, gas) is compared with what was said, so that the truth is no wish: a difference ends the build.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from adapters.addresses.keccak import keccak256
from adapters.evm.anvil import Node
from adapters.simulation.accounts.artefacts import created_at
from adapters.simulation.accounts.keys import Account, signed
from adapters.simulation.accounts.recorder import Recorder
from tracer.chain import TransferKind
from tracer.errors import BadBlock

NATIVE = b""
"""The asset that has no contract. Tokens are their contract's address; collectibles have their 32-byte id behind it."""
PLAIN_GAS = 21_000  # a payment to an account without code
CALL_GAS = 60_000  # a payment that runs a little code
POSTED = 20  # transactions in one request: anvil takes the calls of a greater batch in an order of its own


@dataclass(eq=False, slots=True)
class Tx:
    """A transaction: where it stands is known once its block is closed."""

    chain_id: int
    txid: bytes
    sender: Account
    to: bytes
    gas: int
    price: int
    ok: bool
    height: int = -1
    index: int = -1
    gas_used: int = 0

    @property
    def fee(self) -> int:
        """Wei paid."""
        return self.gas_used * self.price

    @property
    def name(self) -> str:
        """The txid as people write it."""
        return "0x" + self.txid.hex()


@dataclass
class Chain:
    """What the actors hold of one node.

    held  balances by (asset, address) as of the last transaction handed in. Gas counts as used up to its limit until
          the block is closed
    code  addresses that run code
    times  when each block was made, the first one is of height 1
    """

    node: Node
    records: Recorder
    height: int = 0
    time: int = 0
    base_fee: int = 10**10
    producer: bytes = bytes(20)
    held: defaultdict[tuple[bytes, bytes], int] = field(default_factory=lambda: defaultdict(int))
    code: set[bytes] = field(default_factory=set)
    count: int = 0
    times: list[int] = field(default_factory=list)
    _waiting: list[tuple[Tx, bytes]] = field(default_factory=list)

    @property
    def chain_id(self) -> int:
        """As transactions sign it."""
        return self.node.chain_id

    def endow(self, address: bytes, amount: int) -> None:
        """Wei that an account has from the beginning: before the first block only."""
        assert self.height == 0
        self.held[NATIVE, address] += amount
        self.node.call("anvil_setBalance", "0x" + address.hex(), hex(self.held[NATIVE, address]))
        self.records.opening(self.chain_id, address, amount)

    def send(
        self, sender: Account, to: bytes, value: int = 0, data: bytes = b"", *, gas: int = 0, ok: bool = True
    ) -> Tx:
        """Hand in a transaction for the block being made. Its value is booked; what its code moves says `move`."""
        gas = gas or (CALL_GAS if to in self.code or data else PLAIN_GAS)
        price = self.base_fee + sender.tip
        nonce = sender.nonces.get(self.chain_id, 0)
        raw = signed(
            sender, self.chain_id, to=to, value=value, data=data, gas=gas, price=price, tip=sender.tip
        )
        tx = Tx(self.chain_id, keccak256(raw), sender, to, gas, price, ok)
        self._spend(NATIVE, sender.address, gas * price)
        self._waiting.append((tx, raw))
        self.count += 1
        self.records.tx(tx)
        if value and ok:
            target = to or created_at(sender.address, nonce)
            self.move(tx, TransferKind.VALUE, NATIVE, sender.address, target, value)
        return tx

    def create(self, sender: Account, code: bytes, value: int = 0, *, gas: int = 3_000_000) -> bytes:
        """Hand in a transaction that creates a contract; gives its address."""
        at = created_at(sender.address, sender.nonces.get(self.chain_id, 0))
        self.send(sender, b"", value, code, gas=gas)
        self.code.add(at)
        return at

    def move(
        self,
        tx: Tx,
        kind: TransferKind,
        asset: bytes,
        source: bytes | None,
        target: bytes | None,
        amount: int,
    ) -> None:
        """Book one movement of a transaction; None is nothing: minted, burnt, wrapped."""
        if source is not None:
            self._spend(asset, source, amount)
        if target is not None:
            self.held[asset, target] += amount
        self.records.transfer(tx, kind, asset, source, target, amount)

    def _spend(self, asset: bytes, source: bytes, amount: int) -> None:
        self.held[asset, source] -= amount
        if self.held[asset, source] < 0:
            raise BadBlock(
                f"simulation: {source.hex()} of chain {self.chain_id} would owe {asset.hex() or 'coin'}."
            )

    def room(self, account: Account, gas: int = PLAIN_GAS) -> int:
        """Wei it can send away in its next transaction, all but the gas."""
        return self.held[NATIVE, account.address] - gas * (self.base_fee + account.tip)

    def close_block(self, time: int) -> None:
        """Mine what was handed in, in that order. `BadBlock` where the node did something else than was said."""
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), POSTED):
            part = waiting[first : first + POSTED]
            self.node.calls([("eth_sendRawTransaction", ["0x" + raw.hex()]) for _, raw in part])
        self.node.calls([
            ("evm_setNextBlockTimestamp", [time]),
            ("anvil_setNextBlockBaseFeePerGas", [hex(self.base_fee)]),
            ("anvil_setCoinbase", ["0x" + self.producer.hex()]),
        ])  # fmt: skip
        self.node.call("evm_mine")
        self.height, self.time = self.height + 1, time
        self.times.append(time)
        if waiting:
            self._settle([tx for tx, _ in waiting])

    def _settle(self, txs: list[Tx]) -> None:
        receipts = self.node.call("eth_getBlockReceipts", hex(self.height))
        mined = [bytes.fromhex(receipt["transactionHash"][2:]) for receipt in receipts]
        if mined != [tx.txid for tx in txs]:
            raise BadBlock(
                f"simulation: block {self.height} of chain {self.chain_id} has other transactions."
            )
        for index, (tx, receipt) in enumerate(zip(txs, receipts, strict=True)):
            if (receipt["status"] == "0x1") is not tx.ok:
                raise BadBlock(
                    f"simulation: 0x{tx.txid.hex()} of chain {self.chain_id} {'failed' if tx.ok else 'was done'}."
                )
            tx.height, tx.index, tx.gas_used = self.height, index, int(receipt["gasUsed"], 16)
            self.held[NATIVE, tx.sender.address] += (tx.gas - tx.gas_used) * tx.price
            self.held[NATIVE, self.producer] += tx.gas_used * (tx.price - self.base_fee)
