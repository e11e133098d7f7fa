"""The measured error rates of the rules, as results quote them. `make accuracy` writes `accuracy.json`."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


def error_rate(heuristic_id: str, version: int) -> dict[str, Any] | None:
    """What was measured of this very version of a rule; None where it was not.

        {"rate": "0.000412", "interval": ["0.000390", "0.000436"], "links": 1234, "measured_on": "..."}

    rate      share of its links (signals, detections) that are false, as decimal text; interval: 95 %
    links     how many there were

    A rate of a former version is never quoted for a new one: it is another rule.
    """
    found = _measured().get(heuristic_id, {}).get(str(version))
    if found is None:
        return None
    return {
        "rate": found["rate"],
        "interval": list(found["interval"]),
        "links": found["links"],
        "measured_on": found["measured_on"],
    }


@cache
def _measured() -> dict[str, dict[str, dict[str, Any]]]:
    text = files("rules").joinpath("accuracy.json").read_text(encoding="utf-8")
    measured: dict[str, dict[str, dict[str, Any]]] = json.loads(text)["rules"]
    return measured
