"""What the entries of Zcash declare: rewards, addresses, and the height a coinbase states."""

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.folder.source import coinbase_height
from adapters.simulation.encode import varint
from tests.rawblocks import p2pkh
from tests.zcashblocks import COIN, ZTx, coinbase
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress

REWARDS = {
    "zcash": {
        0: 0, 1: 62_500, 508: 508 * 62_500, 9_999: 9_999 * 62_500, 10_000: 10_001 * 62_500, 19_999: 1_250_000_000,
        20_000: 1_250_000_000, 653_599: 1_250_000_000, 653_600: 625_000_000, 1_046_399: 625_000_000,
        1_046_400: 312_500_000, 2_726_399: 312_500_000, 2_726_400: 156_250_000,
        3_146_399: 156_250_000, 3_146_400: 156_250_000 + 78_750 * COIN, 3_146_401: 156_250_000, 10**9: 0,
    },
    "zcash-testnet": {
        583_999: 1_250_000_000, 584_000: 625_000_000, 1_115_999: 625_000_000, 1_116_000: 312_500_000,
        3_536_500: 156_250_000 + 78_750 * COIN,
    },
    "zcash-regtest": {0: 1_250_000_000, 143: 1_250_000_000, 144: 625_000_000, 287: 625_000_000, 575: 312_500_000},
}  # fmt: skip


@pytest.mark.parametrize("chain", list(REWARDS))
def test_the_most_a_coinbase_may_create(chain: str) -> None:
    found = {height: CHAINS[chain].subsidy(height) for height in REWARDS[chain]}
    assert found == REWARDS[chain]


def test_never_more_than_21_million_coins_are_mined() -> None:
    reward, height = CHAINS["zcash"].subsidy, 20_000
    supply = sum(reward(early) for early in range(height))
    for border in (653_600, *range(1_046_400, 60_000_000, 1_680_000)):
        supply += (border - height) * reward(height)
        height = border
    assert supply <= CHAINS["zcash"].max_money
    assert supply > 20_999_000 * COIN


HASH = bytes(range(20))
SHIELDED = {
    "Sprout": "zcU1Cd6zYyZCd2VJF8yKgmzjxdiiU1rgTTjEwoN1CGUWCziPkUTXUjXmX7TMqdMNsTfuiGN1jQoVN4kGxUR4sAPN4XZ7pxb",
    "Sapling": "zs1qqqqqqqqqqqqqqqqqqcguyvaw2vjk4sdyeg0lc970u659lvhqq7t0np6hlup5lusxle75c8v35z",
}


@pytest.mark.parametrize(
    ("chain", "p2pkh", "p2sh"),
    [("zcash", "t1", "t3"), ("zcash-testnet", "tm", "t2"), ("zcash-regtest", "tm", "t2")],
)
def test_transparent_addresses_are_those_of_their_network(chain: str, p2pkh: str, p2sh: str) -> None:
    entry = CHAINS[chain]
    for kind, letters in ((ScriptKind.P2PKH, p2pkh), (ScriptKind.P2SH, p2sh)):
        key = AddressKey(int(kind), HASH)
        text = entry.render_address(key)
        assert text.startswith(letters)
        assert entry.parse_address(text) == key
    other = CHAINS["zcash-testnet" if chain == "zcash" else "zcash"]
    with pytest.raises(BadAddress, match="of another network"):
        other.parse_address(text)


@pytest.mark.parametrize("pool", list(SHIELDED))
def test_a_shielded_address_is_none_that_a_ledger_could_show(pool: str) -> None:
    """Answered with "unseen" it would sound as if nothing had come there."""
    with pytest.raises(BadAddress, match="shielded address, which stands on no output"):
        CHAINS["zcash"].parse_address(SHIELDED[pool])


@pytest.mark.parametrize("version", range(1, 7))
@pytest.mark.parametrize("height", [7, 300, 1_687_104])
def test_the_height_a_coinbase_states_is_found_in_every_version(version: int, height: int) -> None:
    chain = CHAINS["zcash-regtest"]
    assert chain.proof.fixed is not None
    mined: ZTx = coinbase(height, [(p2pkh("ann"), COIN)], version)
    assert coinbase_height(bytes(chain.proof.fixed) + varint(1) + mined.full, chain) == height
