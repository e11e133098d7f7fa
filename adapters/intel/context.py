"""What a TagPack has no field for travels in its `context`: a JSON object with our fields under one key.

    {"tracer": {"role": "hot", "valid_from": "2019-01-01", "context": "<the pack's own context, if any>"}}

GraphSense and others pass a context through unread; we take it apart again, so that a claim that goes out and
comes back is the same claim.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

KEY = "tracer"
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def json_text(value: Any) -> str:
    """The one JSON text of a value: names sorted, no space."""
    return _ENCODE(value)


def wrapped(context: str, more: Mapping[str, str], known: Collection[str]) -> str:
    """The context with more fields in it; the context itself where there are none."""
    if not more and unwrapped(context, known) is None:
        return context
    carried = {**more, **({"context": context} if context else {})}
    return json_text({**_as_object(context), KEY: carried})


def unwrapped(context: str, known: Collection[str]) -> dict[str, str] | None:
    """The fields a context carries, its own text as `context`; None where it is not one of ours."""
    if f'"{KEY}"' not in context:
        return None
    carried = _as_object(context).get(KEY)
    if not isinstance(carried, dict) or not carried.keys() <= {*known, "context"}:
        return None
    if not all(isinstance(text, str) for text in carried.values()):
        return None
    return {"context": "", **carried}


def _as_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text.startswith("{") else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
