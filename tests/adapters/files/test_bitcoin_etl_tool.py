"""Files that bitcoin-etl itself wrote of a chain that litecoind mined (data/README.md)."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.files.bitcoin_etl.facts import NO_WITNESSES
from tests.adapters.files.etl import load, source
from tests.stores import facts, synced
from tracer.workspace import Workspace

DATA = Path(__file__).parent / "data/bitcoin_etl"
LITECOIN = CHAINS["litecoin-regtest"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """What the node's own block file ends in."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "blk00000.dat").write_bytes(gzip.decompress((DATA / "blk.dat.gz").read_bytes()))
    return facts(synced(folder / "w", folder / "blk00000.dat", LITECOIN.name), LITECOIN.name)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(("blocks.json.gz", "enriched.json.gz"), id="json lines, enriched"),
        pytest.param(("blocks.csv.gz", "transactions.csv.gz"), id="csv"),
        pytest.param(
            ("blocks.json.gz", "transactions.csv.gz", "enriched.json.gz", "blocks.csv.gz"), id="all of them"
        ),
    ],
)
def test_they_end_in_the_facts_of_the_node(
    node: dict[str, list[tuple[Any, ...]]], tmp_path: Path, files: tuple[str, ...]
) -> None:
    pulled = load(tmp_path / "w", source([DATA / name for name in files], tmp_path / "s", LITECOIN))
    assert (pulled.blocks, pulled.txs, pulled.notes) == (106, 115, (NO_WITNESSES,))
    assert facts(Workspace(tmp_path / "w"), LITECOIN.name) == node
