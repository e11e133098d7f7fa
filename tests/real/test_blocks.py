"""Real mainnet blocks: the published facts, typed as a user types them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.decode import decode_blocks
from adapters.bitcoin.headers import block_hash, work_problem
from adapters.bitcoin.prevouts import with_prevouts
from tests.cli.running import tracer
from tests.stores import opened
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.ingest import Loader
from tracer.workspace import Workspace

MAINNET = CHAINS["bitcoin"]


@pytest.fixture(scope="module")
def early(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with mainnet blocks 0 to 4312, clustered."""
    workspace = tmp_path_factory.mktemp("mainnet")
    source = realdata / "bitcoin/blocks/mainnet-0-4312.blk.dat"
    assert tracer(workspace, "sync", "bitcoin", "--source", f"blocks:{source}").code == 0
    return workspace


def test_status_says_the_published_facts(early: Path) -> None:
    (chain,) = tracer(early, "status", "--json").document["chains"]
    assert chain["caip2"] == "bip122:000000000019d6689c085ae165831e93"
    assert chain["blocks"] == {"from": 0, "to": 4312, "count": 4313, "gaps": []}
    assert chain["tip_hash"].endswith("abfc7863")
    assert (chain["txs"], chain["outputs"], chain["inputs"]) == (4371, 4397, 247)
    assert (chain["unresolved_inputs"], chain["quarantined"]) == (0, 0)
    assert chain["addresses"] == 4357
    assert chain["unspent"] == "21565000000000"
    assert chain["fees"] == "201000000"


def test_co_spend_gives_the_published_clusters(early: Path) -> None:
    document = tracer(early, "cluster", "build", "--json").document
    assert document["schema"] == "tracer.clustering/1"
    assert (document["addresses"], document["clusters"], document["largest"]) == (4357, 4171, 44)
    assert set(document["excluded"].values()) == {0}


FIRST_PAYMENT = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16"
AT_THE_TIP = {("a16f3ce4", 0): 10, ("298ca204", 0): 1, ("828ef3b0", 1): 18, ("a3b0e9e7", 0): 11}


@pytest.mark.parametrize("method", ["fifo", "haircut"])
def test_the_change_of_the_first_payment_is_where_it_is(early: Path, method: str) -> None:
    document = tracer(early, "trace", f"{FIRST_PAYMENT}:1", "--method", method, "--json").document
    coin = 10**8
    found = {
        (u["outpoint"][:8], int(u["outpoint"][65:])): int(u["amount"]["base_units"])
        for u in document["unspent"]
    }
    assert found == {place: coins * coin for place, coins in AT_THE_TIP.items()}
    (total,) = document["totals"]
    assert (total["seed"], total["unspent"], total["fees"]) == (str(40 * coin), str(40 * coin), "0")


def test_a_bare_txid_with_several_outputs_is_refused_and_they_are_listed(early: Path) -> None:
    ran = tracer(early, "trace", FIRST_PAYMENT)
    ran.refused(2, "2 outputs", f"{FIRST_PAYMENT}:0", f"{FIRST_PAYMENT}:1")


def test_a_seed_that_was_never_read_is_unseen_not_without_exposure(early: Path) -> None:
    tracer(early, "trace", f"{'ab' * 32}:0").refused(2, "unseen", "4312")
    tracer(early, "trace", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT").refused(2, "unseen", "4312")


def _undo(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """value u64le, varint, script."""
    at = 0
    while at < len(raw):
        value = int.from_bytes(raw[at : at + 8], "little")
        size, at = raw[at + 8], at + 9
        if size >= 0xFD:
            width = {0xFD: 2, 0xFE: 4}[size]
            size, at = int.from_bytes(raw[at : at + width], "little"), at + width
        yield value, raw[at : at + size]
        at += size


def _unpacked(path: Path) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=1 << 28)


def _block(raw: bytes, height: int) -> UtxoBatch:
    digest = block_hash(raw[:80])
    assert work_problem(raw[:80], MAINNET) is None
    decoded = decode_blocks(
        np.frombuffer(raw, np.uint8).copy(),
        np.array([0]),
        np.array([len(raw)]),
        height,
        np.frombuffer(digest, np.uint8).copy().reshape(1, 32),
        MAINNET,
    )
    assert decoded.problem is None
    assert decoded.batch is not None
    return decoded.batch


@pytest.mark.parametrize(("height", "txs", "spends"), [(300_025, 461, 1_427), (367_891, 420, 20_817)])
def test_fees_equal_coinbase_minus_subsidy_given_the_spent_outputs(
    realdata: Path, tmp_path: Path, height: int, txs: int, spends: int
) -> None:
    folder = realdata / "bitcoin/blocks"
    if height == 300_025:
        raw = (folder / "block300025.raw").read_bytes()
        told = list(_undo((folder / "block300025-undo.raw").read_bytes()))
    else:
        raw = _unpacked(folder / "367891.raw.zst")
        rows = json.loads(_unpacked(folder / "367891.spent_utxos.json.zst"))
        told = [(r["txout"]["value"], bytes.fromhex(r["txout"]["script_pubkey"])) for r in rows]
    batch = with_prevouts(_block(raw, height), [value for value, _ in told], [script for _, script in told])
    assert (batch.txs.num_rows, batch.inputs.num_rows) == (txs, spends)
    with opened(Workspace(tmp_path), "bitcoin", read_only=False) as ledger:
        Loader(ledger).load([batch])
        fees = ledger.db.value("SELECT CAST(sum(fee) AS BIGINT) FROM tx")
        coinbase = ledger.db.value("SELECT out_value FROM tx ORDER BY tx_id LIMIT 1")
        assert fees == coinbase - MAINNET.subsidy(height)
        # the spent transactions were not read: told values do not hide that
        inside = ledger.db.value("SELECT count(*) FROM txin WHERE prev_tx_id IS NOT NULL")
        assert ledger.db.value("SELECT count(*) FROM pending_spend") == spends - inside
        assert ledger.db.value("SELECT count(*) FROM txin WHERE value IS NULL") == 0


@pytest.mark.filterwarnings("ignore")  # bitcoinlib's own imports warn
def test_an_independent_parser_reads_the_same(realdata: Path) -> None:
    """bitcoinlib, transaction by transaction, on a sample of a full block."""
    import os
    import tempfile

    os.environ.setdefault("BCL_DATA_DIR", tempfile.mkdtemp())
    from bitcoinlib.transactions import Transaction

    raw = (realdata / "bitcoin/blocks/block300025.raw").read_bytes()
    batch = _block(raw, 300_025)
    txs, outputs, inputs = (t.to_pylist() for t in (batch.txs, batch.outputs, batch.inputs))
    from io import BytesIO

    stream = BytesIO(raw[80:])
    assert stream.read(3) == b"\xfd" + (461).to_bytes(2, "little")
    for row in txs[:40]:
        parsed = Transaction.parse_bytesio(stream, strict=False)
        assert parsed.txid == row["txid"][::-1].hex()
        own = [o for o in outputs if o["tx_id"] == row["tx_id"]]
        assert [o.value for o in parsed.outputs] == [o["value"] for o in own]
        spent = [i for i in inputs if i["tx_id"] == row["tx_id"]]
        if row["inputs"]:
            assert [(i.prev_txid, i.output_n_int) for i in parsed.inputs] == [
                (s["prev_txid"][::-1], s["prev_vout"]) for s in spent
            ]
        for theirs, ours in zip(parsed.outputs, own, strict=True):
            if theirs.address and ours["payload"] is not None:
                from tracer.chain import AddressKey

                key = AddressKey(ours["address_kind"], ours["payload"])
                assert theirs.address == MAINNET.render_address(key)
