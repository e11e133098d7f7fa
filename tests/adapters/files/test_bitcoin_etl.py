"""Blocks that bitcoin-etl exported end in the facts that the raw blocks end in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.files.bitcoin_etl import source as reading
from adapters.files.bitcoin_etl.facts import DOUBTED, NO_WITNESSES, UNLINKED
from adapters.files.bitcoin_etl.heads import Blocks, read_blocks
from adapters.files.bitcoin_etl.parts import recognise
from adapters.files.bitcoin_etl.source import chain_of
from adapters.simulation import build_world
from tests.adapters.files.etl import FORMS, Export, Row, exported, json_lines, load, source, written
from tests.adapters.files.exported import Nothing
from tests.rawblocks import RawChain, coinbase, p2pkh, shop_chain, write
from tests.stores import facts, synced
from tracer.errors import BadBlock, BadExport, UsageError
from tracer.workspace import Workspace

Facts = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def shop() -> RawChain:
    """13 blocks, some with witnesses."""
    return shop_chain()


@pytest.fixture(scope="module")
def raw_facts(shop: RawChain, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """What the raw blocks end in."""
    folder = tmp_path_factory.mktemp("raw")
    return facts(synced(folder / "w", write(folder / "blk.dat", shop.blocks)))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_ends_in_the_facts_of_the_raw_blocks(
    shop: RawChain, raw_facts: Facts, tmp_path: Path, form: str
) -> None:
    paths = written(tmp_path / "etl", exported(shop.blocks), form)
    pulled = load(tmp_path / "w", source(paths, tmp_path / "s"))
    assert (pulled.blocks, pulled.tip, pulled.notes) == (13, 12, (NO_WITNESSES,))
    assert facts(Workspace(tmp_path / "w")) == raw_facts


def test_a_market_of_all_kinds_of_scripts_in_small_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = list(build_world("market", seed=3, txs=1_500).blocks())
    plain = synced(tmp_path / "raw", write(tmp_path / "blk.dat", raws))
    monkeypatch.setattr(reading, "SLICE_ROWS", 100)
    load(tmp_path / "w", source(written(tmp_path / "etl", exported(raws, enriched=True)), tmp_path / "s"))
    assert facts(Workspace(tmp_path / "w")) == facts(plain)


def test_the_plain_and_the_enriched_file_side_by_side_are_one(
    shop: RawChain, raw_facts: Facts, tmp_path: Path
) -> None:
    """bitcoin-etl's `export_all --enrich` leaves both in one folder."""
    enriched = exported(shop.blocks, enriched=True)
    written(tmp_path / "etl", exported(shop.blocks))
    json_lines(tmp_path / "etl/enriched_transactions.json", enriched.transactions[::-1])
    json_lines(tmp_path / "etl/again.json", enriched.blocks)
    load(tmp_path / "w", source([tmp_path / "etl"], tmp_path / "s"))
    assert facts(Workspace(tmp_path / "w")) == raw_facts


def test_ranges_in_any_order_of_files_and_rows(shop: RawChain, raw_facts: Facts, tmp_path: Path) -> None:
    whole = exported(shop.blocks)
    low, high = whole.between(0, 6), whole.between(7, 12)
    paths = [
        *written(tmp_path / "b", Export(high.blocks[::-1], high.transactions[::-1])), *written(tmp_path / "a", low)
    ]  # fmt: skip
    load(tmp_path / "w", source(paths, tmp_path / "s"))
    assert facts(Workspace(tmp_path / "w")) == raw_facts


def test_what_old_nodes_do_not_tell(shop: RawChain, raw_facts: Facts, tmp_path: Path) -> None:
    """No place in the block, no sizes: rows stand in the order of the block, and sizes are without witness."""
    export = exported(shop.blocks)
    for row in export.transactions:
        row.update(index=None, size=None, virtual_size=None)
    pulled = load(tmp_path / "w", source(written(tmp_path / "etl", export), tmp_path / "s"))
    assert [note.split(" ")[1:4] for note in pulled.notes if "size" in note] == [
        ["transactions", "whose", "size"]
    ]
    found = facts(Workspace(tmp_path / "w"))
    assert [name for name in found if found[name] != raw_facts[name]] == ["tx"]


def test_the_next_import_goes_on_and_the_same_one_changes_nothing(
    shop: RawChain, raw_facts: Facts, tmp_path: Path
) -> None:
    whole = exported(shop.blocks)
    load(tmp_path / "w", source(written(tmp_path / "a", whole.between(0, 6)), tmp_path / "s"))
    second = written(tmp_path / "b", whole.between(7, 12))
    assert load(tmp_path / "w", source(second, tmp_path / "t")).notes == (NO_WITNESSES,)
    assert facts(Workspace(tmp_path / "w")) == raw_facts
    assert load(tmp_path / "w", source(second, tmp_path / "u")).blocks == 0


def test_an_export_goes_on_where_block_files_ended(shop: RawChain, raw_facts: Facts, tmp_path: Path) -> None:
    """One ledger, whichever door its blocks came through."""
    synced(tmp_path / "w", write(tmp_path / "blk.dat", shop.blocks[:7]))
    high = written(tmp_path / "etl", exported(shop.blocks).between(7, 12))
    assert load(tmp_path / "w", source(high, tmp_path / "s")).notes == (NO_WITNESSES,)
    assert facts(Workspace(tmp_path / "w")) == raw_facts


class TestAHistoryThatBeginsInTheMiddle:
    """Nothing tells what its first block builds on."""

    def test_it_is_loaded_and_said(self, shop: RawChain, tmp_path: Path) -> None:
        found = source(written(tmp_path / "a", exported(shop.blocks).between(5, 12)), tmp_path / "s")
        assert load(tmp_path / "w", found).notes == (f"1 {UNLINKED}", NO_WITNESSES)

    def test_spent_outputs_are_those_that_an_enriched_export_tells(
        self, shop: RawChain, tmp_path: Path
    ) -> None:
        export = exported(shop.blocks, enriched=True).between(5, 12)
        load(tmp_path / "w", source(written(tmp_path / "a", export), tmp_path / "s"))
        found = facts(Workspace(tmp_path / "w"))
        owners = [row["inputs"][0] for row in export.transactions if row["index"]]
        assert [row[4] for row in found["txin"]] == [owner["value"] for owner in owners]
        assert all(row[7] is not None and row[8] is not None for row in found["txin"])
        assert [row[9] for row in found["tx"]] == [
            None if row["is_coinbase"] else 500 for row in export.transactions
        ]

    def test_raw_blocks_below_it_complete_it(self, shop: RawChain, raw_facts: Facts, tmp_path: Path) -> None:
        load(
            tmp_path / "w",
            source(written(tmp_path / "a", exported(shop.blocks).between(5, 12)), tmp_path / "s"),
        )
        found = facts(synced(tmp_path / "w", write(tmp_path / "blk.dat", shop.blocks)))
        for name in ("tx", "txout", "txin", "spend", "pending_spend", "address_tx"):
            assert found[name] == raw_facts[name], name


class TestACoinbaseWhoseTxidDoesNotFollow:
    """Its sequence is not exported: the usual ones are tried, and others cannot be known."""

    @pytest.mark.parametrize(("sequence", "doubted"), [(0, 0), (0xFFFFFFFE, 0), (0xFFFFFFFF, 0), (7, 1)])
    def test_usual_sequences_are_found(self, tmp_path: Path, sequence: int, doubted: int) -> None:
        chain = RawChain()
        first = coinbase(1, [(p2pkh("miner"), 50 * 10**8)])
        first.sequence = sequence
        chain.add_raw([first])
        found = source(written(tmp_path / "etl", exported(chain.blocks)), tmp_path / "s")
        notes = load(tmp_path / "w", found).notes
        assert [note for note in notes if note != NO_WITNESSES] == [f"1 {DOUBTED}"] * doubted
        raw = synced(tmp_path / "raw", write(tmp_path / "blk.dat", chain.blocks))
        assert facts(Workspace(tmp_path / "w")) == facts(raw)


class TestWhichChain:
    """Files of bitcoin-etl do not name it."""

    def test_a_genesis_tells_it_where_only_one_chain_has_it(self, shop: RawChain, tmp_path: Path) -> None:
        blocks = _blocks(tmp_path, exported(shop.blocks))
        assert (
            chain_of(blocks, [CHAINS["bitcoin-regtest"], CHAINS["litecoin-regtest"]]).name
            == "bitcoin-regtest"
        )
        with pytest.raises(
            UsageError, match="of bitcoin-regtest or bitcoin-cash-regtest: both begin like this"
        ):
            chain_of(blocks, list(CHAINS.values()))

    def test_the_block_in_which_two_chains_parted_tells_it(self, shop: RawChain, tmp_path: Path) -> None:
        height, known = CHAINS["bitcoin-cash"].checkpoints[0]
        export = exported(shop.blocks[:1], first=height).edited(height, _set(hash=known), blocks=True)
        assert chain_of(_blocks(tmp_path, export), list(CHAINS.values())).name == "bitcoin-cash"

    def test_nothing_tells_it_of_blocks_in_the_middle(self, shop: RawChain, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"do not say which chain .* --chain"):
            chain_of(_blocks(tmp_path, exported(shop.blocks).between(3, 5)), list(CHAINS.values()))

    def test_addresses_of_another_chain_are_refused(self, shop: RawChain, tmp_path: Path) -> None:
        paths = written(tmp_path, exported(shop.blocks))
        with pytest.raises(BadExport, match=r"pays \w+, which is no address of dogecoin .* --chain"):
            source(paths, tmp_path / "s", CHAINS["dogecoin"])


def _blocks(folder: Path, export: Export) -> Blocks:
    files = recognise(written(folder, export))
    assert files is not None
    return read_blocks(files)


def _refused(export: Export, folder: Path, words: str, kept: int, form: str = "json lines") -> None:
    """Files that end in one line, after the blocks below the bad one."""
    found = source(written(folder / "etl", export, form), folder / "s")
    blocks = 0
    with pytest.raises(BadExport, match=words):
        for plan in found.plan(Nothing()):
            for batch in found.batches(plan):
                blocks += batch.blocks.num_rows
        found.finish()
    assert blocks == kept


def _set(**values: Any) -> Callable[[Row], None]:
    def edit(row: Row) -> None:
        row.update(values)

    return edit


def _output(**values: Any) -> Callable[[Row], None]:
    def edit(row: Row) -> None:
        row["outputs"][0].update(values)

    return edit


def _input(**values: Any) -> Callable[[Row], None]:
    def edit(row: Row) -> None:
        row["inputs"][0].update(values)

    return edit


def _one_more_and_the_sums_with_it(row: Row) -> None:
    row["outputs"][0]["value"] += 1
    row.update(output_value=row["output_value"] + 1, fee=row["fee"] - 1)


A_TRANSACTION_OF_BLOCK_7 = {
    "more paid out": (_output(value=1_000_001), "column output_value .* in block 7, and its inputs and outputs make"),
    "more, and the sum with it": (
        _one_more_and_the_sums_with_it,
        "transaction [0-9a-f]{64} of block 7 has not the txid that is stated",
    ),
    "another script": (_output(script_hex="51"), "has not the txid that is stated"),
    "another outpoint": (_input(spent_output_index=0), "has not the txid that is stated"),
    "another script sig": (_input(script_hex="00"), "has not the txid that is stated"),
    "another txid": (_set(hash="ab" * 32), "has not the txid|Merkle root"),
    "another place": (_set(index=2), "block 7 do not have the places 0 to 1"),
    "another block": (_set(block_hash="cd" * 32), r"block_hash holds 'cdcd.* in block 7, and the file of blocks holds"),
    "another time": (_set(block_timestamp=5), "column block_timestamp holds '5' in block 7"),
    "a count that is wrong": (_set(input_count=2), "column input_count holds '2' in block 7"),
    "a fee that is wrong": (_set(fee=1), "column fee holds '1' in block 7"),
    "no outputs": (_set(outputs=[], output_count=0, output_value=0, fee=0), "block 7 has no inputs or no outputs"),
    "no script": (_output(script_hex=None), "column outputs.script_hex holds nothing in block 7"),
    "no value": (_output(value=None), "column output_value holds .* in block 7"),
    "a script that is no hex": (_output(script_hex="76a9xx"), "outputs.script_hex holds '76a9xx' in block 7"),
    "a hash that is cut": (_set(hash="abcd"), "column hash holds 'abcd' in block 7, which is no hash"),
    "a coinbase that spends": (
        _set(is_coinbase=True, fee=0), "is_coinbase holds 'true' in block 7, and the transaction spends",
    ),
    "nothing said of coinbase": (_set(is_coinbase=None), "is_coinbase holds nothing in block 7"),
    "text for a number": (_set(version="two"), "column version holds 'two' in block 7, which is no whole number"),
    "a number too large": (_output(value=1 << 63), "outputs.value holds .* in block 7, which is no"),
    "a value below zero": (_output(value=-1), "outputs.value holds '-1' in block 7, which is not between 0"),
}  # fmt: skip


@pytest.mark.parametrize("what", A_TRANSACTION_OF_BLOCK_7)
def test_a_changed_transaction_is_refused_and_what_is_below_it_kept(
    shop: RawChain, tmp_path: Path, what: str
) -> None:
    edit, words = A_TRANSACTION_OF_BLOCK_7[what]
    _refused(exported(shop.blocks).edited(7, edit, place=1), tmp_path, words, 7)


BLOCK_7 = {
    "another Merkle root": (
        _set(merkle_root="ab" * 32),
        "block 7 does not follow from the hashes of its transactions",
    ),
    "another hash": (_set(hash="ab" * 32), "block_hash holds .* in block 7"),
    "another time": (_set(timestamp=5), "column block_timestamp holds .* in block 7"),
    "another nonce": (_set(nonce="ffff"), "block 7 does not have the hash that is stated"),
    "other bits": (_set(bits="1d00ffff"), "block 7 does not have the hash that is stated"),
    "more transactions": (_set(transaction_count=3), "block 7 has 3 transactions, and 2 are there"),
    "bits that are no hex": (
        _set(bits="0x1"),
        "column bits holds '0x1' in block 7, which is no number in hex",
    ),
    "no coinbase script": (_set(coinbase_param="zz"), "column coinbase_param holds 'zz' in block 7"),
}


@pytest.mark.parametrize("what", BLOCK_7)
def test_a_changed_block_is_refused_and_what_is_below_it_kept(
    shop: RawChain, tmp_path: Path, what: str
) -> None:
    edit, words = BLOCK_7[what]
    _refused(exported(shop.blocks).edited(7, edit, blocks=True), tmp_path, words, 7)


class TestFilesThatCannotBe:
    """One line names the file, and nothing half goes in."""

    def test_a_missing_column(self, shop: RawChain, tmp_path: Path) -> None:
        export = exported(shop.blocks)
        for row in export.transactions:
            del row["lock_time"], row["is_coinbase"]
        with pytest.raises(BadExport, match=r"transactions.json is no file of bitcoin-etl"):
            source(written(tmp_path, export), tmp_path / "s")
        export = exported(shop.blocks)
        for row in export.transactions:
            del row["version"]
        with pytest.raises(BadExport, match="column version is missing from these transactions"):
            source(written(tmp_path, export), tmp_path / "s")

    def test_a_field_missing_from_the_inputs_of_parquet(self, shop: RawChain, tmp_path: Path) -> None:
        export = exported(shop.blocks)
        for row in export.transactions:
            for each in row["inputs"]:
                del each["sequence"]
        with pytest.raises(BadExport, match="sequence is missing from the inputs of these transactions"):
            source(written(tmp_path, export, "parquet"), tmp_path / "s")

    @pytest.mark.parametrize("form", ["json lines", "bitcoin-etl's csv", "parquet"])
    def test_floating_point_amounts(self, shop: RawChain, tmp_path: Path, form: str) -> None:
        export = exported(shop.blocks)
        for row in export.transactions:
            for each in row["outputs"]:
                each["value"] = float(each["value"])
        with pytest.raises(BadExport, match="floating-point number"):
            source(written(tmp_path, export, form), tmp_path / "s")

    def test_amounts_with_an_exponent(self, shop: RawChain, tmp_path: Path) -> None:
        paths = written(tmp_path, exported(shop.blocks))
        paths[1].write_text(paths[1].read_text().replace('"value": 1000000', '"value": 1E6', 1))
        with pytest.raises(
            BadExport, match=r'transactions.json:\d+: "value": 1E... is a floating-point number'
        ):
            source(paths, tmp_path / "s")

    def test_two_chains(self, shop: RawChain, tmp_path: Path) -> None:
        other = shop.fork(8)
        other.add()
        paths = [
            *written(tmp_path / "a", exported(shop.blocks)),
            *written(tmp_path / "b", exported(other.blocks).between(9, 9)),
        ]  # fmt: skip
        with pytest.raises(BadExport, match="block 9 is there twice, and the two differ"):
            load(tmp_path / "w", source(paths, tmp_path / "s"))
        assert len(facts(Workspace(tmp_path / "w"))["block"]) == 9

    def test_another_branch_than_the_ledger(self, shop: RawChain, tmp_path: Path) -> None:
        other = shop.fork(8)
        other.add()
        load(tmp_path / "w", source(written(tmp_path / "a", exported(shop.blocks)), tmp_path / "s"))
        for first in (9, 10):
            other.add()
            export = exported(other.blocks).between(first, 14)
            with pytest.raises(BadExport, match=r"block (9|10) is .* and the ledger holds"):
                load(tmp_path / "w", source(written(tmp_path / f"b{first}", export), tmp_path / f"t{first}"))

    def test_transactions_without_their_block_and_blocks_without_transactions(
        self, shop: RawChain, tmp_path: Path
    ) -> None:
        whole = exported(shop.blocks)
        export = Export(whole.between(0, 8).blocks, whole.transactions)
        _refused(export, tmp_path / "a", "transactions of block 9, and no file of blocks holds it", 9)
        export = Export(whole.blocks, whole.between(0, 8).transactions)
        _refused(
            export,
            tmp_path / "b",
            "no file holds the transactions of 4 of its blocks, the first is block 9",
            9,
        )

    def test_no_blocks_at_all(self, shop: RawChain, tmp_path: Path) -> None:
        path = json_lines(tmp_path / "t.json", exported(shop.blocks).transactions)
        with pytest.raises(BadExport, match="no file holds blocks"):
            source([path], tmp_path / "s")

    @pytest.mark.parametrize("form", ["json lines", "json lines, packed", "parquet"])
    def test_a_file_that_is_cut_off(self, shop: RawChain, tmp_path: Path, form: str) -> None:
        paths = written(tmp_path, exported(shop.blocks), form)
        paths[1].write_bytes(paths[1].read_bytes()[:-200])
        with pytest.raises(BadExport, match=r"no JSON object|no whole"):
            source(paths, tmp_path / "s")

    def test_a_mix_with_files_of_another_tool(self, shop: RawChain, tmp_path: Path) -> None:
        paths = written(tmp_path, exported(shop.blocks))
        strange = json_lines(
            tmp_path / "logs.json", [{"log_index": 1, "address": "0x", "data": "0x", "topics": []}]
        )
        with pytest.raises(BadExport, match=r"logs\.json is no file of bitcoin-etl"):
            recognise([*paths, strange])

    def test_two_rows_of_one_transaction_that_differ(self, shop: RawChain, tmp_path: Path) -> None:
        one, two = (exported(shop.blocks, enriched=True) for _ in "ab")
        spend = next(row for row in two.transactions if row["block_number"] == 9 and row["index"])
        spend["inputs"][0]["value"] += 1
        spend["input_value"] += 1
        spend["fee"] += 1
        paths = [*written(tmp_path / "a", one), *written(tmp_path / "b", two)]
        with pytest.raises(BadExport, match="of block 9 is there twice, and its rows differ"):
            load(tmp_path / "w", source(paths, tmp_path / "s"))

    def test_many_bad_blocks_are_one_line(self, shop: RawChain, tmp_path: Path) -> None:
        export = exported(shop.blocks)
        for row in export.transactions[3:]:
            row["hash"] = "none"
        _refused(export, tmp_path, "column hash holds 'none' in block 3", 3)


def test_a_spent_output_that_is_told_otherwise_than_the_ledger_has_it(shop: RawChain, tmp_path: Path) -> None:
    def one_more(row: Row) -> None:
        row["inputs"][0]["value"] += 1
        row.update(input_value=row["input_value"] + 1, fee=row["fee"] + 1)

    export = exported(shop.blocks, enriched=True).edited(9, one_more, place=1)
    with pytest.raises(
        BadBlock, match=r"at height 9 .* spends another amount or address than its source told"
    ):
        load(tmp_path / "w", source(written(tmp_path / "a", export), tmp_path / "s"))
