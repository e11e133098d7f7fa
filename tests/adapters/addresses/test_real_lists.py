"""Every address of the open TagPacks and the extracted OFAC lists: taken, or refused for a reason checked by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from adapters.addresses.registry import chain_of_ticker, parse, render
from tracer.errors import BadAddress

Refused = set[tuple[str, str, str]]
"""(file, ticker, address)"""

# KuCoin's page broke two Algorand accounts over several lines; the pack took each line for an address
ALGORAND_PIECES = {
    ("exchange-wallets-kucoin.yaml", "USDT", "T6MXHXMGXURKJ7AD5NCB4IYPLWX"),
    ("exchange-wallets-kucoin.yaml", "USDT", "YXKKFLLO5KAPJ5"),
    ("exchange-wallets-kucoin.yaml", "USDT", "6GKS7BFXHNHOODZCM"),
    ("exchange-wallets-kucoin.yaml", "USDT", "IMGMVBZEPMM36AIMWI7FZHG2G44"),
    ("exchange-wallets-kucoin.yaml", "USDT", "KEESC5ALZHWX7B7SBNBDY6Z7COYMO6U"),
    ("exchange-wallets-kucoin.yaml", "USDC", "T6MXHXMGXURKJ7AD5NCB4IYPLWX"),
    ("exchange-wallets-kucoin.yaml", "USDC", "YXKKFLLO5KAPJ56GKS7BFXHNHOODZCM"),
    ("exchange-wallets-kucoin.yaml", "USDC", "IMGMVBZEPMM36AIMWI7FZHG2G44"),
    ("exchange-wallets-kucoin.yaml", "USDC", "KEESC5ALZHWX7B7SBNBDY6Z7COYMO6U"),
}
# a payment id that OFAC lists as an address, and two addresses that the pack cut after 67 of 95 letters
MONERO = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
CUT = {
    ("ofac.yaml", "XMR", "884Bz8UH63aYsjVdkfWfScRYWZGGNbjFL7pztqvWNSrtYT4reFSwyvkCj9KEGUtheHh"),
    ("ofac.yaml", "XMR", "49HqitRzdnhYjgTEAhgGpCfsjdTeMbUTU6cyR4JV1R7k2Eej9rGT8JpFiYDa4tZM6RZ"),
}
# OFAC's list itself files this Tron account under XBT
TRON_AS_BITCOIN = "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"


def _read(rows: Iterable[tuple[str, str, str]]) -> tuple[Counter[tuple[str, str, str | None]], Refused]:
    """(how many per ticker, chain and asset; what was refused)."""
    taken: Counter[tuple[str, str, str | None]] = Counter()
    refused: Refused = set()
    for file, ticker, address in rows:
        try:
            chain, asset = chain_of_ticker(ticker, address)
            canonical, key = parse(chain, address)
        except BadAddress:
            assert (file, ticker, address) not in refused
            refused.add((file, ticker, address))
            continue
        assert render(chain, key) == canonical
        assert parse(chain, canonical) == (canonical, key)
        taken[ticker, chain, asset] += 1
    return taken, refused


def test_every_tag_of_the_packs(realdata: Path) -> None:
    rows = []
    for path in sorted((realdata / "intel/tagpacks").glob("*.yaml")):
        pack = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
        rows += [
            (path.name, tag.get("currency", pack.get("currency")), tag["address"]) for tag in pack["tags"]
        ]
    taken, refused = _read(rows)
    assert refused == ALGORAND_PIECES | CUT | {
        ("ofac.yaml", "XMR", MONERO),
        ("ofac.yaml", "BTC", TRON_AS_BITCOIN),
    }
    assert len(rows) == 2135 == taken.total() + len(refused)
    assert taken == Counter({
        ("ADA", "cardano", None): 1, ("ALGO", "algorand", None): 1, ("ATOM", "cosmos", None): 1,
        ("AVAX", "avalanche", None): 1, ("BCH", "bitcoin-cash", None): 10, ("BEP2", "bnb-beacon", None): 25,
        ("BEP20", "bsc", None): 16, ("BSV", "bitcoin-sv", None): 1, ("BTC", "bitcoin", None): 1685,
        ("BTG", "bitcoin-gold", None): 1, ("DASH", "dash", None): 3, ("DOGE", "dogecoin", None): 4,
        ("DOT", "polkadot", None): 2, ("EOS", "eos", None): 1, ("ETC", "evm-61", None): 2,
        ("ETH", "ethereum", None): 278, ("FIL", "filecoin", None): 2, ("KCS", "evm-321", None): 6,
        ("LTC", "litecoin", None): 9, ("MATIC", "polygon", None): 1, ("SOL", "solana", None): 1,
        ("TRX", "tron", None): 34, ("USDC", "ethereum", "USDC"): 10, ("USDT", "bitcoin", "USDT"): 3,
        ("USDT", "eos", "USDT"): 2, ("USDT", "ethereum", "USDT"): 10, ("USDT", "tron", "USDT"): 4,
        ("XRP", "xrpl", None): 3, ("XVG", "verge", None): 1, ("ZEC", "zcash", None): 4,
    })  # fmt: skip


def test_every_line_of_the_extracted_sanctions_lists(realdata: Path) -> None:
    rows = [
        (path.name, path.stem.rpartition("_")[2], line)
        for path in sorted((realdata / "intel/ofac").glob("sanctioned_addresses_*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    taken, refused = _read(rows)
    assert refused == {
        ("sanctioned_addresses_XBT.txt", "XBT", TRON_AS_BITCOIN),
        ("sanctioned_addresses_XMR.txt", "XMR", MONERO),
    }
    assert len(rows) == 654 == taken.total() + len(refused)
    assert taken == Counter({
        ("ARB", "arbitrum", None): 1, ("BCH", "bitcoin-cash", None): 7, ("BSC", "bsc", None): 1,
        ("BSV", "bitcoin-sv", None): 1, ("BTG", "bitcoin-gold", None): 1, ("DASH", "dash", None): 3,
        ("ETC", "evm-61", None): 1, ("ETH", "ethereum", None): 152, ("LTC", "litecoin", None): 10,
        ("TRX", "tron", None): 6, ("USDC", "ethereum", "USDC"): 2, ("USDT", "bitcoin", "USDT"): 7,
        ("USDT", "ethereum", "USDT"): 8, ("USDT", "tron", "USDT"): 11, ("XBT", "bitcoin", None): 434,
        ("XMR", "monero", None): 2, ("XRP", "xrpl", None): 1, ("XVG", "verge", None): 1, ("ZEC", "zcash", None): 3,
    })  # fmt: skip


@pytest.mark.parametrize(
    "pieces",
    [("T6MXHXMGXURKJ7AD5NCB4IYPLWX", "YXKKFLLO5KAPJ5", "6GKS7BFXHNHOODZCM"),
     ("IMGMVBZEPMM36AIMWI7FZHG2G44", "KEESC5ALZHWX7B7SBNBDY6Z7COYMO6U")],
)  # fmt: skip
def test_the_pieces_are_whole_algorand_accounts_when_joined(pieces: tuple[str, ...]) -> None:
    assert parse("algorand", "".join(pieces))[0] == "".join(pieces)
    for piece in pieces:
        with pytest.raises(BadAddress, match="not 58"):
            parse("algorand", piece)


def test_the_misfiled_account_is_a_tron_account_and_the_refusal_says_so() -> None:
    assert parse("tron", TRON_AS_BITCOIN)[0] == TRON_AS_BITCOIN
    with pytest.raises(BadAddress, match="It is an address of tron"):
        parse("bitcoin", TRON_AS_BITCOIN)
