"""A simulated economy on two EVM chains, run on real nodes (anvil), and the truth about who owns what.

Real contracts, transactions, logs and traces; payments only. `build(seed=1, txs=2_000)` is about two days from
2019-01-01, a block every twenty minutes on `evm-31337` and, a little apart, on `evm-31338`:

- the five exchanges of the UTXO world are here too, on both chains. kyc-1, nokyc-1 and the swapper have deposit
  addresses with keys, and a gas station for tokens; kyc-2 and nokyc-2 have CREATE2 clones of a forwarder. Every deposit
  is swept within the hour;
- market C holds escrow in a pool and pays vendors five times, each time to a fresh account. They cash out straight,
  through a hop, by peel chains, swaps of one hop and two, wrapped, over the bridge, through mixers, through a contract
  wallet, or leave for bitcoin by the swap network (cases `market_withdrawal`);
- a drainer spends what victims approved (`drained`), and bitcoin comes back as stablecoin or coin (`swapped_in`);
- people use the same pools, mixers and bridge; an employer and a broker pay into other people's deposit addresses; a
  charity pays in slices; some have two wallets. `truth.links` says who is one and who is not;
- hostile tokens, spoofed bridges, poisoned histories, failed calls and self-destructs stand in `truth.specials`.

What everybody uses has the same addresses in every world, on both chains where both have it: wrapped coin, stablecoin,
bridge, router, pool, payout. The truth is checked while it is made: each transaction's order, outcome and gas with the
node's receipts; a test compares all balances of everybody with the nodes'.

Anachronisms on purpose: 2019 has the rules of a current node (EIP-1559, EIP-6780).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.simulation.accounts.truth import AccountTruth
    from adapters.simulation.accounts.world import AccountWorld, build

__all__ = ["AccountTruth", "AccountWorld", "build"]


def __getattr__(name: str) -> Any:
    """Import the heavy modules (polars, eth_abi) only where somebody asks for their names."""
    if name in ("AccountWorld", "build"):
        from adapters.simulation.accounts import world

        return getattr(world, name)
    if name == "AccountTruth":
        from adapters.simulation.accounts.truth import AccountTruth

        return AccountTruth
    raise AttributeError(name)
