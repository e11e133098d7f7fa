"""Labelled CoinJoins: JSON lines of real transactions with what they spend, one file per published label.

    {"txid", "block_hash", "index", "time", "inputs": [[prev_txid, vout, sat, script_hex], ...],
     "outputs": [[sat, script_hex], ...]}

They become a chain of their own: their blocks in the order of time, each with its labelled transactions alone. What
they spend is told along, as an explorer would. Sequence numbers, versions and locktimes are not in the files.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer.errors import BadClaim, UsageError

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from tracer.ledger.batch import UtxoBatch
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

CHAIN = "bitcoin"
SUFFIX = ".jsonl.gz"
FIRST_HEIGHT = 1
"""Not 0: a chain read from its first block on would have to hold what is spent."""
REVIEW_COLUMNS = ("txid", "published", "ours", "reason")
_NO_SEQUENCE = 0xFFFFFFFF


@dataclass(frozen=True)
class Labels:
    """What was published of which transaction.

    published     txid (as shown), label; by (label, txid). One transaction may bear two labels
    transactions  the rows as read, each transaction once, in the order of the chain
    """

    published: pl.DataFrame
    transactions: Sequence[Mapping[str, Any]]


def read_labels(folder: Path) -> Labels:
    """Every `LABEL.jsonl.gz` of a folder.

    Raises `UsageError` where there is none, `BadClaim` for a row that is no transaction.
    """
    import polars as pl

    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not files:
        raise UsageError(
            f"no labelled transactions in {folder}.", hint=f"It needs files LABEL{SUFFIX}, one per label."
        )
    published: list[tuple[str, str]] = []
    by_txid: dict[str, dict[str, Any]] = {}
    for path in files:
        label = path.name.removesuffix(SUFFIX)
        for row in _rows(path):
            published.append((row["txid"], label))
            by_txid.setdefault(row["txid"], row)
    frame = pl.DataFrame(published, schema={"txid": pl.String, "label": pl.String}, orient="row")
    ordered = sorted(by_txid.values(), key=itemgetter("time", "block_hash", "index"))
    return Labels(frame.unique().sort("label", "txid"), ordered)


def read_review(path: Path) -> pl.DataFrame:
    """`txid,published,ours,reason`: labels that contradict the necessary conditions of their protocol.

    `published` names one label, or several as `a+b`: then each is a row of the answer. `ours` is the label that holds
    instead, or `none`. By (published, txid). Raises `UsageError` where the file cannot
    be read, `BadClaim` for a row without a reason, or given twice.
    """
    import polars as pl

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}.", hint="It is a CSV file in UTF-8.") from error
    # `#` lines say what the file is
    lines = csv.DictReader(io.StringIO("".join(x for x in text.splitlines(True) if not x.startswith("#"))))
    if lines.fieldnames is None or set(REVIEW_COLUMNS) - set(lines.fieldnames):
        raise BadClaim(f"{path}: the columns are {', '.join(REVIEW_COLUMNS)}.")
    rows = []
    for row in lines:
        if not all(row[name] for name in REVIEW_COLUMNS):
            raise BadClaim(f"{path}, line {lines.line_num}: a column is empty.", hint="Each row says why.")
        rows += [(row["txid"], label, row["ours"], row["reason"]) for label in row["published"].split("+")]
    schema = dict.fromkeys(REVIEW_COLUMNS, pl.String)
    frame = pl.DataFrame(rows, schema=schema, orient="row").sort("published", "txid")
    twice = frame.filter(pl.struct("published", "txid").is_duplicated())
    if twice.height:
        raise BadClaim(f"{path}: {twice['txid'][0]} is reviewed twice as {twice['published'][0]}.")
    return frame


def no_review() -> pl.DataFrame:
    """A review that contradicts nothing."""
    import polars as pl

    return pl.DataFrame(schema=dict.fromkeys(REVIEW_COLUMNS, pl.String))


def reviewed(published: pl.DataFrame, review: pl.DataFrame) -> pl.DataFrame:
    """The labels after the review: txid, label (null: none holds), published; by (published, txid).

    Raises `BadClaim` where the review names a label that was not published.
    """
    import polars as pl

    rows = published.rename({"label": "published"})
    unknown = review.join(rows, on=["txid", "published"], how="anti")
    if unknown.height:
        raise BadClaim(
            f"the review speaks of {unknown['txid'][0]} as {unknown['published'][0]}: no such label was read."
        )
    found = rows.join(review.select("txid", "published", "ours"), on=["txid", "published"], how="left")
    label = pl.when(pl.col("ours") == "none").then(None).otherwise(pl.coalesce("ours", "published"))
    return found.select("txid", label.alias("label"), "published").sort("published", "txid")


def scratch_ledger(workspace: Workspace, transactions: Iterable[Mapping[str, Any]]) -> Ledger:
    """A new ledger of Bitcoin, open for writing, that holds these transactions and nothing else."""
    from adapters.bitcoin.chains import chain_named
    from tracer.ledger.ingest import Loader
    from tracer.ledger.store import Ledger

    ledger = Ledger.open(workspace.ready(), chain_named(CHAIN), read_only=False)
    try:
        Loader(ledger).load([_batch(list(transactions))])
    except BaseException:
        ledger.__exit__(None, None, None)
        raise
    return ledger


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                yield _checked(json.loads(line))
    except (ValueError, TypeError, KeyError) as error:
        raise BadClaim(f"{path}, line {number}: no labelled transaction ({error}).") from error
    except (OSError, EOFError, zlib.error) as error:
        raise BadClaim(f"{path} is damaged after line {number}.") from error


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """The row with hashes in wire order and scripts as bytes; ValueError, TypeError or KeyError where it is bad."""
    return {
        "txid": _hash(row["txid"])[::-1].hex(),
        "block_hash": _hash(row["block_hash"]),
        "index": int(row["index"]),
        "time": int(row["time"]),
        "inputs": [(_hash(t), int(n), _sat(sat), bytes.fromhex(s)) for t, n, sat, s in row["inputs"]],
        "outputs": [(_sat(sat), bytes.fromhex(script)) for sat, script in row["outputs"]],
    }


def _hash(text: str) -> bytes:
    raw = bytes.fromhex(text)[::-1]
    if len(raw) != 32:
        raise ValueError(f"{text!r} is no hash")
    return raw


def _sat(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no amount in satoshi")
    return value


def _batch(rows: Sequence[Mapping[str, Any]]) -> UtxoBatch:
    """Blocks of consecutive heights, each led by an empty coinbase that stands for what is not in the files."""
    import hashlib

    import pyarrow as pa

    from adapters.bitcoin.prevouts import with_prevouts
    from tracer.chain import first_tx_id
    from tracer.ledger.batch import UtxoBatch

    members: dict[bytes, list[Mapping[str, Any]]] = {}
    for row in rows:
        members.setdefault(row["block_hash"], []).append(row)
    blocks: list[tuple[object, ...]] = []
    txs: list[tuple[object, ...]] = []
    ins: list[tuple[object, ...]] = []
    outs: list[tuple[int, int, int]] = []
    previous = bytes(32)
    for height, (name, inside) in enumerate(members.items(), FIRST_HEIGHT):
        blocks.append((height, name, previous, inside[0]["time"], len(inside) + 1))
        txs.append((first_tx_id(height), hashlib.sha256(b"coinbase" + name).digest(), 0, 0, 0))
        for tx_id, row in enumerate(inside, first_tx_id(height) + 1):
            paid = sum(sat for sat, _ in row["outputs"])
            txs.append(
                (tx_id, bytes.fromhex(row["txid"])[::-1], len(row["inputs"]), len(row["outputs"]), paid)
            )
            ins += [(tx_id, vin, prev, n) for vin, (prev, n, _, _) in enumerate(row["inputs"])]
            outs += [(tx_id, vout, sat) for vout, (sat, _) in enumerate(row["outputs"])]
        previous = name
    b, t, i = (list(zip(*part, strict=True)) for part in (blocks, txs, ins))
    word, number, wide = pa.binary(32), pa.int32(), pa.int64()

    def same(count: int, value: int | None, kind: pa.DataType) -> pa.Array:
        return pa.array([value] * count, kind)

    block_table = pa.table(
        {
            "height": pa.array(b[0], number), "hash": pa.array(b[1], word), "prev_hash": pa.array(b[2], word),
            "merkle_root": pa.array([bytes(32)] * len(blocks), word), "time": pa.array(b[3], wide),
            "version": same(len(blocks), 1, number), "bits": same(len(blocks), 0x207FFFFF, wide),
            "nonce": same(len(blocks), 0, wide), "tx_count": pa.array(b[4], number),
            "size": same(len(blocks), 0, number),
        }
    )  # fmt: skip
    tx_table = pa.table(
        {
            "tx_id": pa.array(t[0], wide), "txid": pa.array(t[1], word), "version": same(len(txs), 2, number),
            "locktime": same(len(txs), 0, wide), "size": same(len(txs), 0, number),
            "vsize": same(len(txs), 0, number), "inputs": pa.array(t[2], number),
            "outputs": pa.array(t[3], number), "out_value": pa.array(t[4], wide),
            "block_index": same(len(txs), None, number),
        }
    )  # fmt: skip
    count = len(ins)
    input_table = pa.table(
        {
            "tx_id": pa.array(i[0], wide), "vin": pa.array(i[1], number), "prev_txid": pa.array(i[2], word),
            "prev_vout": pa.array(i[3], number), "sequence": same(count, _NO_SEQUENCE, wide),
            "prev_value": same(count, None, wide), "prev_kind": same(count, None, pa.uint8()),
            "prev_address_kind": same(count, None, pa.uint8()), "prev_payload": same(count, None, pa.binary()),
        }
    )  # fmt: skip
    spent = [coin for row in rows for coin in row["inputs"]]
    batch = UtxoBatch(block_table, tx_table, _outputs(rows, outs), input_table)
    return with_prevouts(batch, [sat for _, _, sat, _ in spent], [script for *_, script in spent])


def _outputs(rows: Sequence[Mapping[str, Any]], outs: Sequence[tuple[int, int, int]]) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    from adapters.bitcoin.classify import Scripts
    from adapters.bitcoin.decode import payload_column

    scripts = [script for row in rows for _, script in row["outputs"]]
    sizes = np.array([len(script) for script in scripts], np.int64)
    buffer = np.frombuffer(b"".join(scripts) + b"\0", np.uint8).copy()
    kinds = Scripts(buffer, np.column_stack((np.cumsum(sizes) - sizes, sizes)))
    tx_id, vout, value = zip(*outs, strict=True)
    return pa.table(
        {
            "tx_id": pa.array(tx_id, pa.int64()), "vout": pa.array(vout, pa.int32()),
            "value": pa.array(value, pa.int64()), "kind": kinds.kind, "address_kind": kinds.address_kind,
            "payload": payload_column(kinds), "prefix": kinds.prefix, "script": pa.array(scripts, pa.binary()),
        }
    )  # fmt: skip
