"""`tracer doctor --plan CHAIN`: what a whole chain would take on this machine, and how far that is extrapolated."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from adapters.bitcoin.lengths import Length
    from adapters.bitcoin.rehearsal import Part
    from cli.app import App
    from tracer.chain import Chain

TXS = 100_000
"""Transactions of the simulated chain that is loaded to measure."""
HEADER_BYTES = 720
"""Memory that choosing among block files takes for each header (measured: 709 for each of 20,000)."""
_MILLION = 1_000_000


def planned(app: App, chain: Chain, txs: int | None, source: object) -> dict[str, Any]:
    """The `plan` part of `tracer.doctor/1`. A node of the chain, where `source` is one, says how long it is."""
    from tracer.chain import Family

    machine = {
        "disk_free_bytes": _free(app),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cores": os.cpu_count(),
    }
    document: dict[str, Any] = {
        "chain": chain.name, "verdict": "not_measured", "lacks": [], "length": None, "rehearsal": [], "rates": None,
        "predicted": None, "machine": machine, "extrapolated": [],
    }  # fmt: skip
    if chain.family is not Family.UTXO:
        document["extrapolated"] = ["nothing: account chains were not measured, what they take is not known"]
        return document
    from adapters.bitcoin.rehearsal import rehearse

    length = _length_of(chain, source)
    if length is None:
        told = f"how long {chain.name} is, is not known here; a node of it tells (--source core:URL)"
        return document | {"verdict": "unknown", "extrapolated": [f"nothing: {told}"]}
    app.workspace.ready()
    with app.progress("rehearsing") as advance:
        parts = rehearse(
            txs or TXS, app.workspace.cache, memory=app.memory, threads=app.threads, progress=advance
        )
    document["rehearsal"] = [asdict(part) | {"seconds": round(part.seconds, 3)} for part in parts]
    document["rates"] = rates = _rates(*parts)
    document["length"] = asdict(length)
    document["predicted"] = predicted = _predicted(length, parts, rates)
    lacks = [
        name
        for name, wanted in (("disk", predicted["disk_bytes"][1]), ("memory", predicted["memory_bytes"]))
        if wanted > machine[{"disk": "disk_free_bytes", "memory": "memory_bytes"}[name]]
    ]
    document["lacks"], document["verdict"] = lacks, "does_not_fit" if lacks else "fits"
    document["extrapolated"] = _said(length, parts)
    return document


def _length_of(chain: Chain, source: object) -> Length | None:
    """As a node counts it now, else as we know it."""
    from adapters.bitcoin.core.source import CoreSource
    from adapters.bitcoin.lengths import counted, known

    if isinstance(source, CoreSource):
        return counted(source.core.ask, source.core.host, datetime.now(UTC).date().isoformat())
    return known(chain.name)


def _free(app: App) -> int:
    """Bytes free where the workspace is, or would be."""
    place = app.workspace.root
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def _rates(first: Part, second: Part) -> dict[str, Any]:
    """What a million rows (transactions, inputs, outputs) took: the least and the most of two ways to reckon it.

    From the first part to the second the fixed costs fall out; the second part alone holds them.
    """
    more_rows = second.rows - first.rows
    seconds = sorted(((second.seconds - first.seconds) / more_rows, second.seconds / second.rows))
    if seconds[0] <= 0:  # noise: the longer part was the faster
        seconds[0] = seconds[1]
    whole = second.store_bytes / (first.rows + second.rows)
    size = sorted(((second.store_bytes - first.store_bytes) / second.rows, whole))
    return {
        "seconds_per_million_rows": [round(each * _MILLION, 3) for each in seconds],
        "bytes_per_million_rows": [round(each * _MILLION) for each in size],
    }


def _predicted(length: Length, parts: tuple[Part, Part], rates: dict[str, Any]) -> dict[str, Any]:
    from tracer.ledger.loading import TURN_TXS

    first, second = parts
    own = length.inputs is not None and length.outputs is not None
    inputs = length.inputs if own else length.transactions * second.inputs // second.transactions
    outputs = length.outputs if own else length.transactions * second.outputs // second.transactions
    rows = length.transactions + (inputs or 0) + (outputs or 0)
    for_each = max(0.0, (second.peak_bytes - first.peak_bytes) / (second.transactions - first.transactions))
    turn = min(TURN_TXS, length.transactions)
    memory = max(
        first.peak_bytes, second.peak_bytes, round(first.peak_bytes + for_each * (turn - first.transactions))
    )
    return {
        "rows": rows,
        "disk_bytes": [rows * rate // _MILLION for rate in rates["bytes_per_million_rows"]],
        "memory_bytes": memory + (length.blocks or 0) * HEADER_BYTES,
        "seconds": [round(rows * rate / _MILLION) for rate in rates["seconds_per_million_rows"]],
    }


def _said(length: Length, parts: tuple[Part, Part]) -> list[str]:
    """What stands on more than was measured."""
    from tracer.ledger.loading import TURN_TXS

    first, second = parts
    loaded = first.transactions + second.transactions
    slower = (second.seconds / second.rows) / (first.seconds / first.rows) - 1
    said = [
        f"everything: {loaded:,} simulated transactions were loaded, the chain has "
        f"{length.transactions / loaded:,.0f} times as many; growth is taken to go on in a straight line",
        f"time is the least to expect: look-ups take longer the larger the store is, and that was not measured (the "
        f"second part took {abs(slower):.0%} {'more' if slower > 0 else 'less'} for each row than the first, fixed "
        "costs included); fetching from a node, slow disks and a proof of work other than Bitcoin's come on top",
        f"memory grows up to a turn of {TURN_TXS:,} transactions and is taken to stay there"
        + (f"; {HEADER_BYTES} bytes for each header are added" if length.blocks else ""),
        "disk is for the facts alone, without clusters, claims and the blocks themselves",
    ]
    if length.inputs is None:
        said.append(
            f"inputs and outputs of a transaction are the simulated chain's ({second.inputs / second.transactions:.1f} "
            f"and {second.outputs / second.transactions:.1f}), not this chain's"
        )
    else:
        said.append("inputs and outputs of a transaction are estimated from some of the node's blocks")
    if not length.source.startswith("the node"):
        said.append(f"the chain has grown since {length.as_of}")
    return said


def render(plan: dict[str, Any]) -> None:
    """The plan for people."""
    name, machine = plan["chain"], plan["machine"]
    click.echo(f"plan for {name}")
    click.echo(
        f"  this machine: {machine['cores']} cores, {_size(machine['memory_bytes'])} of memory, "
        f"{_size(machine['disk_free_bytes'])} free on the disk of the workspace"
    )
    if plan["rates"]:
        loaded = sum(part["transactions"] for part in plan["rehearsal"])
        speed = sorted(_MILLION / rate for rate in plan["rates"]["seconds_per_million_rows"])
        click.echo(
            f"  measured here: {loaded:,} simulated transactions, {speed[0]:,.0f} to {speed[1]:,.0f} rows/s "
            "(transactions, inputs, outputs), "
            f"{_size(plan['rates']['bytes_per_million_rows'][1])} on disk for a million"
        )
    if plan["predicted"]:
        length, found = plan["length"], plan["predicted"]
        low, high = (_size(each) for each in found["disk_bytes"])
        click.echo(
            f"  length: {length['transactions']:,} transactions on {length['as_of']} ({length['source']})"
        )
        click.echo(f"  disk {low} to {high}, memory {_size(found['memory_bytes'])}")
        click.echo(
            f"  time at least {found['seconds'][0] / 3600:,.1f} to {found['seconds'][1] / 3600:,.1f} hours"
        )
    verdict = {
        "fits": "it fits",
        "does_not_fit": f"it does not fit: not enough {' and '.join(plan['lacks'])}",
        "unknown": "not known whether it fits",
        "not_measured": "not measured",
    }
    click.echo(f"  {verdict[plan['verdict']]}")
    click.echo("  extrapolated, or left out:")
    for said in plan["extrapolated"]:
        click.echo(f"    {said}")


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
