"""What the entries of EVM chains declare."""

from __future__ import annotations

import pytest

from adapters.evm.chains import SIMULATED, chain_named
from adapters.evm.header import created
from adapters.evm.tokens import genuine, skeleton
from adapters.simulation.accounts.stage import CHAIN_IDS, builder


@pytest.mark.parametrize("chain_id", CHAIN_IDS)
def test_the_simulated_world_s_wrapped_coin_is_pinned_and_known_by_its_name(chain_id: int) -> None:
    address = created(builder().address, 0)  # the first contract of all, on each of its chains
    chain = chain_named(f"evm-{chain_id}")
    assert chain_id in SIMULATED
    assert chain.wrapped == (address,)
    assert genuine()[chain.name][skeleton("WETH")] == {address}


def test_of_a_chain_that_nobody_described_nothing_is_pinned() -> None:
    unknown = chain_named("evm-777")
    assert (unknown.wrapped, unknown.eip6780, unknown.price_asset) == ((), None, None)
