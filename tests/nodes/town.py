"""A small economy on a real EVM node: people pay each other coin and tokens, through contracts too; some calls fail."""

from __future__ import annotations

import random
from collections.abc import Sequence

from adapters.evm.anvil import Node
from adapters.simulation.accounts.artefacts import contract, created_at

GAS = 1_000_000
PRICE = {"maxFeePerGas": hex(100 * 10**9), "maxPriorityFeePerGas": hex(10**9)}


class Town:
    """Drives a node that mines on demand. The same dice make the same transactions."""

    def __init__(self, node: Node, dice: random.Random | None = None) -> None:
        self.node, self.dice = node, dice or random.Random(1)
        self.people: list[str] = node.call("eth_accounts")
        self.shops = [f"0x{0x5409 + number:040x}" for number in range(20)]
        issuer = bytes.fromhex(self.people[0][2:])
        self.token, self.payout = (f"0x{created_at(issuer, nonce).hex()}" for nonce in range(2))
        self._mine(
            [
                self._tx(0, None, data=contract("Token").creation("Tether", "USDT", 6, 0)),
                self._tx(0, None, data=contract("Payout").creation()),
            ]
        )
        self._mine([self._token("mint", bytes.fromhex(who[2:]), 10**12, sender=0) for who in self.people])

    @property
    def height(self) -> int:
        """Height of the newest block."""
        return int(self.node.call("eth_blockNumber"), 16)

    def live(self, blocks: int, txs: int = 6) -> None:
        """Blocks with payments of every kind; every fifth is empty."""
        for _ in range(blocks):
            self._mine([] if self.dice.random() < 0.2 else [self._payment() for _ in range(txs)])

    def reorg(self, depth: int) -> None:
        """Replace the newest blocks by as many empty ones; what was in them is lost."""
        self.node.call("anvil_reorg", depth, [])

    def _payment(self) -> dict[str, str]:
        dice = self.dice
        who, to = dice.randrange(len(self.people)), dice.choice([*self.people, *self.shops])
        target, amount = bytes.fromhex(to[2:]), dice.randrange(1, 10**9)
        kind = dice.randrange(6)
        if kind == 0:
            return self._token("transfer", target, amount, sender=who)
        if kind == 1:  # an internal transfer each, and the rest back
            receivers = [bytes.fromhex(shop[2:]) for shop in dice.sample(self.shops, 3)]
            data = contract("Payout").call("pay", receivers, [amount, 2 * amount, 1])
            return self._tx(who, self.payout, 4 * amount, data)
        if kind == 2:  # fails: nobody has so many tokens
            return self._token("transfer", target, 10**30, sender=who)
        if kind == 3:
            receivers = [bytes.fromhex(shop[2:]) for shop in dice.sample(self.shops, 4)]
            return self._token("airdrop", receivers, amount % 1000, sender=who)
        return self._tx(who, to, amount)

    def _token(self, function: str, *values: object, sender: int) -> dict[str, str]:
        return self._tx(sender, self.token, 0, contract("Token").call(function, *values))

    def _tx(self, sender: int, to: str | None, value: int = 0, data: bytes = b"") -> dict[str, str]:
        gas = GAS if to is not None else 5 * GAS
        tx = {
            "from": self.people[sender],
            "value": hex(value),
            "gas": hex(gas),
            "data": "0x" + data.hex(),
            **PRICE,
        }
        return tx if to is None else {**tx, "to": to}

    def _mine(self, txs: Sequence[dict[str, str]]) -> None:
        for tx in txs:
            self.node.call("eth_sendTransaction", tx)
        self.node.call("evm_mine")
