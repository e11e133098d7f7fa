"""Pools of two tokens at a constant product, and the router that takes people through them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from adapters.simulation.accounts.artefacts import contract
from adapters.simulation.accounts.chain import NATIVE, Chain, Tx
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.tokens import Token, Wrapped
from tracer.chain import TransferKind

SWAP_GAS = 700_000
FOREVER = 1 << 40


class Pool:
    """One pair. Its reserves are what it holds: nobody sends it anything by mistake."""

    def __init__(self, chain: Chain, maker: Account, a: Token, b: Token) -> None:
        self.tokens = (a, b)
        self.address = chain.create(maker, contract("Pool").creation(a.address, b.address))
        chain.records.owned(chain.chain_id, self.address, maker.owner, "pool")
        chain.records.contracts[chain.chain_id, self.address] = "Pool"

    def fund(self, maker: Account, amount_a: int, amount_b: int) -> None:
        """The first reserves."""
        for token, amount in zip(self.tokens, (amount_a, amount_b), strict=True):
            token.give(maker, self.address, amount, "liquidity")
        chain = self.tokens[0].chain
        chain.send(maker, self.address, 0, contract("Pool").call("fund"), gas=SWAP_GAS)

    def quote(self, into: Token, amount: int) -> int:
        """What comes out now for an amount; 0.3 % stay."""
        a, b = self.tokens
        out = b if into is a else a
        held_in, held_out = into.of(self.address), out.of(self.address)
        return amount * 997 * held_out // (held_in * 1000 + amount * 997)


class Router:
    """Takes a trader's asset through pools. A path is tokens; coin is wrapped and unwrapped on the way."""

    def __init__(self, chain: Chain, maker: Account, wrapped: Wrapped) -> None:
        self.chain, self.maker, self.wrapped = chain, maker, wrapped
        self.api = contract("Router")
        self.address = chain.create(maker, self.api.creation(wrapped.address))
        chain.records.owned(chain.chain_id, self.address, maker.owner, "router")
        chain.records.contracts[chain.chain_id, self.address] = "Router"
        self._pools: dict[tuple[bytes, bytes], Pool] = {}

    def add(self, pool: Pool) -> None:
        """List a pool."""
        a, b = (token.address for token in pool.tokens)
        self._pools[a, b] = self._pools[b, a] = pool
        self.chain.send(
            self.maker, self.address, 0, self.api.call("list_pool", a, b, pool.address), gas=150_000
        )

    def _through(self, tx: Tx, path: Sequence[Token], amount: int, to: bytes) -> int:
        """Book the hops, the first pool being paid already; gives what arrives at `to`."""
        for i, (into, out) in enumerate(pairwise(path)):
            pool = self._pools[into.address, out.address]
            last = i + 2 == len(path)
            goes_to = to if last else self._pools[out.address, path[i + 2].address].address
            # `amount` came in already: the reserve is what was there before
            held_in, held_out = into.of(pool.address) - amount, out.of(pool.address)
            amount = amount * 997 * held_out // (held_in * 1000 + amount * 997)
            out.move(tx, pool.address, goes_to, amount)
        return amount

    def _call(self, who: Account, function: str, value: int, *arguments: object) -> Tx:
        data = self.api.call(function, *arguments)
        return self.chain.send(who, self.address, value, data, gas=SWAP_GAS)

    def swap(
        self, who: Account, path: Sequence[Token], amount: int, to: bytes | None = None, *,
        coin_in: bool = False, coin_out: bool = False,
    ) -> tuple[Tx, int]:  # fmt: skip
        """Swap `amount` of the first of the path; gives the transaction and what came out.

        coin_in   the first is wrapped coin, and plain coin is paid
        coin_out  the last is wrapped coin, and plain coin is received
        """
        to = to or who.address
        chain, weth, here = self.chain, self.wrapped.address, self.address
        tokens = [token.address for token in path]
        first_pool = self._pools[tokens[0], tokens[1]].address
        if coin_in:
            tx = self._call(who, "swapExactETHForTokens", amount, 0, tokens, to, FOREVER)
            chain.move(tx, TransferKind.INTERNAL, NATIVE, here, weth, amount)
            chain.move(tx, TransferKind.WRAP, weth, None, here, amount)
            path[0].move(tx, here, first_pool, amount)
        else:
            function = "swapExactTokensForETH" if coin_out else "swapExactTokensForTokens"
            tx = self._call(who, function, 0, amount, 0, tokens, to, FOREVER)
            path[0].move(tx, who.address, first_pool, amount)
        out = self._through(tx, path, amount, here if coin_out else to)
        if coin_out:
            chain.move(tx, TransferKind.UNWRAP, weth, here, None, out)
            chain.move(tx, TransferKind.INTERNAL, NATIVE, weth, here, out)
            chain.move(tx, TransferKind.INTERNAL, NATIVE, here, to, out)
        assets = (NATIVE if coin_in else tokens[0], NATIVE if coin_out else tokens[-1])
        chain.records.swaps.append((tx, "swap", who.address, to, assets[0], amount, assets[1], out))
        return tx, out
