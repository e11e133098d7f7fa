"""The measured error rates of the rules, as results quote them. `make accuracy` writes `accuracy.json`."""

from __future__ import annotations

import copy
import json
from functools import cache
from importlib.resources import files
from typing import Any

from tracer.chain import Family

SEVERAL = "several"
"""As a script kind: the inputs of the transaction are of more than one."""
_QUOTED = ("rate", "interval", "links", "labelled_mixes", "measured_on")


def error_rate(heuristic_id: str, version: int, family: Family | None = None) -> dict[str, Any] | None:
    """What was measured of this very version of a rule; None where it was not.

        {"rate": "0.000412", "interval": ["0.000390", "0.000436"], "links": 1234, "measured_on": "..."}

    rate      share of its links (signals, detections) that are false, as decimal text; interval: 95 %. Both null for
              a detector of what may be a mix (`stonewall`): no label says that one is none. Instead it has
              `labelled_mixes`, how many of its detections are labelled mixes
    links     how many there were
    family    of the chain that is asked about; without, what was measured over all, which of a rule of both families is
              Bitcoin's

    A rate of a former version is never quoted for a new one, nor one of Bitcoin for chains of accounts: it is another
    rule.
    """
    found = _measured().get(heuristic_id, {}).get(str(version))
    if found is not None and family not in (None, found.get("family", Family.UTXO)):
        found = found.get("by_family", {}).get(family)
    return None if found is None else _quoted(found)


def error_rate_by_script(heuristic_id: str, version: int, kind: str | None) -> dict[str, Any] | None:
    """The same for the links of one script kind alone, with `script`; None where that case was not measured.

    kind      a name of `tracer.chain.ScriptKind`; "several", or None as in `tracer.clustering.measure.links`, where
              the inputs differ. Of co-spend: the kind of the inputs; of links to change and deposits: of the address
              that joined; of a change heuristic's signals: of the output

    One rate over all hides most of what is known: payments whose inputs are of several script kinds are wrong far
    more often than all others. The rate of another kind, or over all, is never quoted in its place.
    """
    script = SEVERAL if kind is None else kind
    found = _measured().get(heuristic_id, {}).get(str(version), {}).get("by_script", {}).get(script)
    return None if found is None else {"script": script, **_quoted(found)}


def _quoted(found: dict[str, Any]) -> dict[str, Any]:
    """A copy that callers may change."""
    return copy.deepcopy({name: found[name] for name in _QUOTED if name in found})


@cache
def _measured() -> dict[str, dict[str, dict[str, Any]]]:
    text = files("rules").joinpath("accuracy.json").read_text(encoding="utf-8")
    measured: dict[str, dict[str, dict[str, Any]]] = json.loads(text)["rules"]
    return measured
