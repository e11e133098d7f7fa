"""Native coin and tokens, as accounts use them."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.simulation.accounts.artefacts import Contract, contract
from adapters.simulation.accounts.chain import NATIVE, Chain, Tx
from adapters.simulation.accounts.keys import Account
from tracer.chain import TransferKind

TOKEN_GAS = 130_000
MOST = (1 << 256) - 1


def pay(chain: Chain, sender: Account, to: bytes, amount: int, purpose: str) -> Tx:
    """Send native coin."""
    tx = chain.send(sender, to, amount)
    chain.records.payment(tx, purpose, NATIVE, sender.address, to, amount)
    return tx


class Token:
    """A fungible token of the contract `Token`; it keeps `kept` of ten thousand of every transfer for its issuer."""

    def __init__(
        self, chain: Chain, issuer: Account, symbol: str, name: str, decimals: int, kept: int = 0
    ) -> None:
        self._set(chain, contract("Token"), symbol, decimals)
        self.issuer = issuer
        self.kept = kept
        self.address = chain.create(issuer, self.api.creation(name, symbol, decimals, kept))
        self._known(issuer.owner)

    def _set(self, chain: Chain, api: Contract, symbol: str, decimals: int) -> None:
        self.chain, self.api, self.symbol, self.decimals = chain, api, symbol, decimals

    def _known(self, owner: str) -> None:
        records, place = self.chain.records, (self.chain.chain_id, self.address)
        records.owned(*place, owner, "token")
        records.contracts[place] = self.api.name
        records.tokens[place] = (self.symbol, self.decimals, True)

    def of(self, address: bytes) -> int:
        """Base units it has."""
        return self.chain.held[self.address, address]

    def move(self, tx: Tx, source: bytes | None, target: bytes | None, amount: int) -> None:
        """Book what its transfers log."""
        kept = amount * self.kept // 10_000 if source and target else 0
        self.chain.move(tx, TransferKind.TOKEN, self.address, source, target, amount - kept)
        if kept:
            self.chain.move(tx, TransferKind.TOKEN, self.address, source, self.issuer.address, kept)

    def mint(self, to: bytes, amount: int) -> Tx:
        """Make new units."""
        tx = self.chain.send(self.issuer, self.address, 0, self.api.call("mint", to, amount), gas=TOKEN_GAS)
        self.move(tx, None, to, amount)
        return tx

    def burn(self, who: Account, amount: int) -> Tx:
        """Destroy units of one's own."""
        tx = self.chain.send(who, self.address, 0, self.api.call("burn", amount), gas=TOKEN_GAS)
        self.move(tx, who.address, None, amount)
        return tx

    def give(self, sender: Account, to: bytes, amount: int, purpose: str) -> Tx:
        """Send units of one's own."""
        tx = self.chain.send(sender, self.address, 0, self.api.call("transfer", to, amount), gas=TOKEN_GAS)
        self.move(tx, sender.address, to, amount)
        self.chain.records.payment(tx, purpose, self.address, sender.address, to, amount)
        return tx

    def approve(self, owner: Account, spender: bytes, amount: int = MOST) -> Tx:
        """Let somebody spend."""
        return self.chain.send(
            owner, self.address, 0, self.api.call("approve", spender, amount), gas=TOKEN_GAS
        )

    def pull(self, spender: Account, source: bytes, to: bytes, amount: int, purpose: str) -> Tx:
        """Spend what somebody else allowed to."""
        data = self.api.call("transferFrom", source, to, amount)
        tx = self.chain.send(spender, self.address, 0, data, gas=TOKEN_GAS)
        self.move(tx, source, to, amount)
        self.chain.records.payment(tx, purpose, self.address, source, to, amount)
        return tx

    def overdraw(self, sender: Account, to: bytes) -> Tx:
        """Try to send more than one has: the transaction fails."""
        data = self.api.call("transfer", to, self.of(sender.address) + 1)
        return self.chain.send(sender, self.address, 0, data, gas=TOKEN_GAS, ok=False)

    def airdrop(self, sender: Account, receivers: Sequence[bytes], amount: int) -> Tx:
        """The same amount to many in one transaction."""
        data = self.api.call("airdrop", list(receivers), amount)
        tx = self.chain.send(sender, self.address, 0, data, gas=TOKEN_GAS + 60_000 * len(receivers))
        for receiver in receivers:
            self.move(tx, sender.address, receiver, amount)
        return tx


class Wrapped(Token):
    """The native coin as a token."""

    def __init__(self, chain: Chain, maker: Account) -> None:
        self._set(chain, contract("Wrapped"), "WETH", 18)
        self.kept = 0
        self.address = chain.create(maker, self.api.creation())
        self._known(maker.owner)

    def wrap(self, who: Account, amount: int) -> Tx:
        """Coin into tokens, one for one."""
        tx = self.chain.send(who, self.address, amount, self.api.call("deposit"), gas=TOKEN_GAS)
        self.chain.move(tx, TransferKind.WRAP, self.address, None, who.address, amount)
        row = (tx, "wrap", who.address, who.address, NATIVE, amount, self.address, amount)
        self.chain.records.swaps.append(row)
        return tx

    def unwrap(self, who: Account, amount: int) -> Tx:
        """Tokens back into coin."""
        data = self.api.call("withdraw", amount)
        tx = self.chain.send(who, self.address, 0, data, gas=TOKEN_GAS)
        self.chain.move(tx, TransferKind.UNWRAP, self.address, who.address, None, amount)
        self.chain.move(tx, TransferKind.INTERNAL, NATIVE, self.address, who.address, amount)
        row = (tx, "unwrap", who.address, who.address, self.address, amount, NATIVE, amount)
        self.chain.records.swaps.append(row)
        return tx
