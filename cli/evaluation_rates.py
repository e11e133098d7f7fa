"""`rules/accuracy.json`: the rates that results quote, taken from an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_FIGURES = ("rate", "interval", "links", "false")


def rates(document: dict[str, Any]) -> dict[str, Any]:
    """The rate of each rule and version that was measured, over all and by script kind, and on what.

    A rate on labelled transactions of the real chain stands before one on simulated worlds. A detector of what may
    be a mix has no rate but in worlds whose truth names its kind: how many it recognised, and how many of them are
    labelled mixes, is all that can be said. Leads, which are no links, have none either.

    What was measured on chains of accounts is marked `family`; of a rule that both families of chains have, it stands
    under `by_family`.
    """
    worlds, labelled = document["worlds"], document["labelled"]
    seeds = f"{len(worlds['seeds'])} worlds" if len(worlds["seeds"]) > 1 else "one world"
    simulated = f"simulated {worlds['name']}: {seeds} of {worlds['transactions_asked']} transactions"
    found = [(row, simulated) for row in (*document["heuristics"], *document["change"])]
    found += [(row, f"{simulated}; {_told(row)}") for row in document["mixers"]]
    possible = [(row, f"{simulated}; {_POSSIBLE}") for row in document["possible_mixers"]]
    if labelled:
        real = f"labelled transactions of Bitcoin: {labelled['transactions']}, after a review of the labels"
        found += [(row, f"{real}; {_told(row)}") for row in labelled["kinds"]]
        possible += [(row, f"{real}; {_POSSIBLE}") for row in labelled["possible"]]
    measured: dict[str, dict[str, Any]] = {}
    for row, place in (*possible, *found):  # what has a rate stands before what has none
        if row["links"]:
            measured[row["id"]] = {str(row["version"]): _entry(row, place)}
    for name, version, entry in _of_accounts(document["accounts"]):
        versions = measured.setdefault(name, {})
        if version in versions:
            versions[version]["by_family"] = {entry["family"]: entry}
        else:
            versions[version] = entry
    return {"schema": "tracer.accuracy/1", "rules": {name: measured[name] for name in sorted(measured)}}


def _of_accounts(accounts: dict[str, Any] | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Id, version and figures of each rule that was measured on chains of accounts."""
    from tracer.chain import Family

    if accounts is None:
        return
    worlds = accounts["worlds"]
    seeds = f"{len(worlds['seeds'])} worlds" if len(worlds["seeds"]) > 1 else "one world"
    place = (
        f"simulated {worlds['name']} on EVM chains: {seeds} of {worlds['transactions_asked']} transactions"
    )
    if missing := [case for case, count in accounts["misleads"].items() if not count]:
        place += f"; of what is known to mislead these rules there was none: {', '.join(missing)}"
    for row in accounts["heuristics"]:
        if row["links"]:
            figures = {**_figures(row, place), "family": Family.ACCOUNT.value}
            yield row["id"], str(row["version"]), figures


def _entry(row: dict[str, Any], place: str) -> dict[str, Any]:
    entry = _figures(row, place)
    if "labelled_mixes" in row:
        entry["labelled_mixes"] = row["labelled_mixes"]
    if "scripts" in row:
        entry["by_script"] = {s["script"]: _figures(s, place) for s in row["scripts"] if s["links"]}
    return entry


def _figures(row: dict[str, Any], place: str) -> dict[str, Any]:
    return {**{name: row[name] for name in _FIGURES}, "measured_on": place}


_POSSIBLE = "it says what may be, so no detection is called false; how many are labelled mixes is counted"


def _told(row: dict[str, Any]) -> str:
    """What counts as wrong there, and what does not."""
    from tracer.clustering.rules import SHAPES

    effect = SHAPES[row["kind"]]
    if not effect.apart:
        return "wrong: labelled as anything else"
    said = f"wrong: {'no mix' if effect.stops else 'neither a PayJoin nor a mix'} by its label"
    said += f"; not wrong: {row['another_mix']} that are a mix of another name"
    return said + (
        f"; set aside: {row['set_aside']} so called by our review alone" if row["set_aside"] else ""
    )
