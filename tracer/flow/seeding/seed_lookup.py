"""Seeds as the ledger knows them: addresses by id, transactions by their outputs, thousands in one look-up.

What was never seen is `unseen`, not an answer: an error for a seed that somebody typed; of a list, whose other rows
can still be answered, it is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tracer.amounts import decimal_text
from tracer.chain import Family, tx_height
from tracer.db import named_sql
from tracer.errors import AmbiguousSeed, UsageError
from tracer.flow.seeding.grammar import Seed, txid_of
from tracer.flow.seeding.seed_file import bad_rows
from tracer.ledger.prefix import txid_prefix
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.seeding", "seeds.sql")
_OUTPUTS = ("txid", "txid_all", "outpoint", "txid_address")
_MADE = {Family.UTXO: "outputs_of_txids", Family.ACCOUNT: "transfers_of_txids"}
_IDLE = {Family.UTXO: "hidden_of_txids", Family.ACCOUNT: "txs_of_txids"}
_WHAT = {Family.UTXO: "output", Family.ACCOUNT: "transfer"}
_MOST_SHOWN = 20


class Output(NamedTuple):
    """One output of a transaction that a seed names; `value` in base units.

    On an account chain a transfer: `vout` is its position, `value` of its own asset, 0 where nobody could read it.
    """

    tx_id: int
    vout: int
    value: int
    address: int | None


@dataclass
class Found:
    """What a look-up found.

    addresses  seed -> address id, of addresses and clusters
    outputs    seed -> the outputs it names, in chain order
    unseen     seeds of a list that the ledger never saw
    """

    addresses: dict[Seed, int] = field(default_factory=dict)
    outputs: dict[Seed, list[Output]] = field(default_factory=dict)
    unseen: list[Seed] = field(default_factory=list)


def look_up(ledger: Ledger, seeds: Sequence[Seed], listed: Mapping[Seed, tuple[str, int]]) -> Found:
    """Find the addresses and outputs that seeds name; `listed` says which came from which line of a file.

    Raises `UsageError` for a seed that was typed and never seen, or names no output; `AmbiguousSeed` for a bare txid
    with several outputs; `BadSeeds` for rows of a list that name no output, or several at once.
    """
    found = Found()
    texts = {seed: seed.value for seed in seeds if seed.kind in ("address", "cluster")}
    texts |= {seed: seed.value.partition("@")[2] for seed in seeds if seed.kind == "txid_address"}
    ids = _address_ids(ledger, sorted(set(texts.values())))
    made = _outputs(ledger, sorted({txid_of(seed) for seed in seeds if seed.kind in _OUTPUTS}))
    txids = {txid_of(seed) for seed in seeds if seed.kind in _OUTPUTS}
    idle = _moved_nothing(ledger, sorted(txids - set(made)))
    bad: dict[str, list[tuple[int, str]]] = {}
    for seed in seeds:
        if seed.kind in ("address", "cluster"):
            known = texts[seed] in ids
            if known:
                found.addresses[seed] = ids[texts[seed]]
            elif seed not in listed:
                raise unseen(ledger, f"address {seed.value}")
        elif seed.kind in _OUTPUTS:
            known = txid_of(seed) in made
            if known:
                try:
                    found.outputs[seed] = _named(
                        ledger, seed, made[txid_of(seed)], ids.get(texts.get(seed, ""))
                    )
                except UsageError as error:
                    if seed not in listed:
                        raise
                    file, line = listed[seed]
                    bad.setdefault(file, []).append((line, f"{error.problem.rstrip('.')} ({error.hint})"))
            elif txid_of(seed) in idle:
                known = True
                moved_none = _idle(ledger, txid_of(seed), *idle[txid_of(seed)])
                if seed not in listed:
                    raise moved_none
                file, line = listed[seed]
                bad.setdefault(file, []).append((line, moved_none.problem.rstrip(".")))
            elif seed not in listed:
                raise unseen(ledger, f"transaction {txid_of(seed)}")
        else:
            known = True
        if not known:
            found.unseen.append(seed)
    for file, rows in sorted(bad.items()):
        raise bad_rows(file, rows)
    return found


def unseen(ledger: Ledger, what: str, verb: str = "was never seen") -> UsageError:
    """That something the question names is not in the store; the ground of an answer is missing."""
    return UsageError(
        f"{what} {verb} in {_read(ledger)}: the answer is `unseen`, not `no exposure`.",
        hint="Check the chain, or sync more blocks.",
    )


def none_seen(ledger: Ledger, missing: Sequence[Seed], of: int) -> str | None:
    """For coverage: how many seeds of a list were never seen, and which; None where all were."""
    if not missing:
        return None
    shown = ", ".join(seed.text for seed in missing[:5]) + (", ..." if len(missing) > 5 else "")
    return f"{len(missing)} of {of} seeds were never seen in {_read(ledger)}: {shown}"


def _read(ledger: Ledger) -> str:
    tip = ledger.tip()
    read = f"the blocks read up to height {tip.height}" if tip else "this store, which holds no blocks"
    return f"{read} of {ledger.chain.name}"


def _address_ids(ledger: Ledger, texts: Sequence[str]) -> dict[str, int]:
    """Address -> id, of those the ledger has seen."""
    import polars as pl

    if not texts:
        return {}
    keys = [ledger.chain.parse_address(text) for text in texts]
    asked = pl.DataFrame(
        {"kind": [int(key.kind) for key in keys], "payload": [key.payload for key in keys]},
        schema={"kind": pl.UInt8, "payload": pl.Binary},
    )
    ids: dict[str, int] = {}
    for place, address in ledger.find_addresses(asked).iter_rows():
        ids.setdefault(texts[place], address)
    return ids


def _outputs(ledger: Ledger, txids: Sequence[str]) -> dict[str, list[list[Output]]]:
    """Txid -> the outputs of each transaction of that name, in chain order: two where a coinbase was repeated."""
    if not txids:
        return {}
    made: dict[str, dict[int, list[Output]]] = {}
    with ledger.db.table("asked", _asked(ledger, txids)):
        for place, *output in ledger.db.rows(_SQL[_MADE[ledger.chain.family]]):
            made.setdefault(txids[place], {}).setdefault(output[0], []).append(Output(*output))
    return {txid: list(each.values()) for txid, each in made.items()}


def _moved_nothing(ledger: Ledger, txids: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Txid -> (height, status) of those that the ledger knows, though they moved nothing, or nothing one could see."""
    if not txids:
        return {}
    with ledger.db.table("asked", _asked(ledger, txids)):
        rows = ledger.db.rows(_SQL[_IDLE[ledger.chain.family]])
    return {txids[place]: (tx_height(tx_id), status) for place, tx_id, status in rows}


def _idle(ledger: Ledger, txid: str, height: int, status: int | None) -> UsageError:
    if ledger.chain.family is Family.UTXO:
        return UsageError(
            f"transaction {txid} (block {height}) has no output: what it moved stayed inside shielded pools.",
            hint="Seed a transaction that paid somebody outside, or an address.",
        )
    what = "failed: it moved nothing but its fee" if status == 0 else "moved nothing but its fee"
    return UsageError(
        f"transaction {txid} (block {height}) {what}.",
        hint="Seed a transaction that moved money, or an address.",
    )


def _asked(ledger: Ledger, txids: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    raw = [ledger.chain.hash_bytes(txid) for txid in txids]
    return pl.DataFrame(
        {"place": range(len(raw)), "prefix": [txid_prefix(txid) for txid in raw], "txid": raw},
        schema={"place": pl.Int64, "prefix": pl.Int64, "txid": pl.Binary},
    )


def _named(ledger: Ledger, seed: Seed, made: Sequence[list[Output]], wanted: int | None) -> list[Output]:
    """The outputs that a txid seed names, of transactions of that name; `wanted` is its address, if any."""
    txid = txid_of(seed)
    rest = seed.value[len(txid) :]
    found: list[Output] = []
    for outputs in made:
        if not rest and len(outputs) > 1:
            raise _ambiguous(ledger, txid, outputs)
        if rest.startswith("@"):
            found += [output for output in outputs if wanted is not None and output.address == wanted]
        elif rest in ("", ":*"):
            found += outputs
        else:
            found += [output for output in outputs if output.vout == int(rest[1:])]
    if not found:
        place = f"to {rest[1:]}" if rest.startswith("@") else rest[1:]
        what = _WHAT[ledger.chain.family]
        raise UsageError(f"transaction {txid} has no {what} {place}.", hint="`txid:*` takes all of them.")
    return found


def _ambiguous(ledger: Ledger, txid: str, outputs: Sequence[Output]) -> AmbiguousSeed:
    shown = outputs[:_MOST_SHOWN]
    names = ledger.render_addresses(output.address for output in shown if output.address is not None)
    chain = ledger.chain
    what = _WHAT[chain.family]
    amounts = [
        f"{decimal_text(output.value, chain.decimals)} {chain.asset} "
        if chain.family is Family.UTXO
        else ""  # of which asset, the position tells
        for output in shown
    ]
    lines = [
        f"{txid}:{output.vout} ({units}to "
        f"{names[output.address] if output.address is not None else 'no address'})"
        for output, units in zip(shown, amounts, strict=True)
    ]
    more = f", and {len(outputs) - _MOST_SHOWN} more" if len(outputs) > _MOST_SHOWN else ""
    return AmbiguousSeed(
        f"transaction {txid} has {len(outputs)} {what}s: {', '.join(lines)}{more}.",
        hint="Choose one, txid@ADDRESS, or all with txid:*.",
    )
