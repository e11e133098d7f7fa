"""What an investigator would know of the world: labels of services, and the register of VASPs (the other world's).

Every hot wallet is known, of the deposit addresses a share; no person, no vendor, no gas station is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapters.simulation.accounts.custodian import Exchange
from adapters.simulation.accounts.keys import text
from adapters.simulation.accounts.market import Market
from adapters.simulation.accounts.stage import Place, Stage
from adapters.simulation.accounts.truth import chain_name
from adapters.simulation.claims import TAG_COLUMNS, table

KNOWN = 64  # of 256 deposit addresses
SOURCE = "simulation:ground-truth"
DATE = "2018-12-01"

Row = tuple[str, bytes, str, str, str, str, str, bool]


def tags_csv(stage: Stage, exchanges: Sequence[Exchange], market: Market) -> str:
    """All labels of both chains as CSV."""
    rows = sorted({*_exchanges(stage, exchanges), *_market(market), *_contracts(stage)})
    return table(TAG_COLUMNS, (
        (chain, text(address), label, category, actor, role, confidence, SOURCE, DATE, "true" if definer else "false")
        for chain, address, label, category, actor, role, confidence, definer in rows
    ))  # fmt: skip


def _exchanges(stage: Stage, exchanges: Sequence[Exchange]) -> Iterator[Row]:
    titles = {exchange.name: exchange.vasp.title for exchange in exchanges}
    for (chain_id, address), (owner, role, _) in stage.records.owners.items():
        if owner in titles and (role == "hot" or (role == "deposit" and address[-1] < KNOWN)):
            hot = role == "hot"
            said = "service_api" if hot else "web_crawl"
            yield chain_name(chain_id), address, titles[owner], "exchange", owner, role, said, hot


def _market(market: Market) -> Iterator[Row]:
    hot = market.custodian.hot.address
    for place in market.custodian.places:
        name = chain_name(place.chain.chain_id)
        yield name, hot, "Market C pool", "market", "market-c", "pool", "authority_data", True


def _contracts(stage: Stage) -> Iterator[Row]:
    for place in stage.places:
        for address, label, category in _of(place):
            yield chain_name(place.chain.chain_id), address, label, category, "", "", "web_crawl", False
    a, name = stage.a, chain_name(stage.a.chain.chain_id)
    for mixer in a.mixers:
        yield name, mixer.address, "Mixer pool", "mixing_service", "mixer-1", "", "web_crawl", False
    thorchain = a.thorchain
    for address, label in (
        (thorchain.address, "Swap network router"),
        (thorchain.vault.address, "Swap network vault"),
    ):
        yield name, address, label, "defi_bridge", "thorchain", "", "web_crawl", False
    yield name, a.dai_pool.address, "USDT/DAI pool", "defi_dex_pair", "", "", "web_crawl", False


def _of(place: Place) -> Iterator[tuple[bytes, str, str]]:
    yield place.bridge.address, "Bridge", "defi_bridge"
    yield place.router.address, "Swap router", "defi_dex"
    yield place.pool.address, "WETH/USDT pool", "defi_dex_pair"
