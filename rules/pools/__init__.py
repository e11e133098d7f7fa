"""Mixer pools of account chains, from `tornado.yml` and from lists of an analyst's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tracer.errors import BadRule

Pools = Mapping[str, Mapping[bytes, int]]
"""Chain -> contract (20 bytes) -> denomination in base units."""

_HINT = "Write it as rules/pools/tornado.yml is written: source, then pools: chain, contract, denomination."


@cache
def own() -> Pools:
    """The pools of the list that comes with the program."""
    return read(_text(), "tornado.yml")


@cache
def digest_of_list() -> str:
    """SHA-256 of the list that comes with the program: part of what an answer rests on."""
    return hashlib.sha256(_text().encode()).hexdigest()


def _text() -> str:
    return files("rules.pools").joinpath("tornado.yml").read_text(encoding="utf-8")


def with_lists(paths: Iterable[Path]) -> Pools:
    """The same, with what other files add; a file that cannot be used is `BadRule`."""
    found = {chain: dict(pools) for chain, pools in own().items()}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadRule(f"the list of pools {path} cannot be read.", hint=_HINT) from error
        for chain, pools in read(text, path.name).items():
            found.setdefault(chain, {}).update(pools)
    return found


def read(text: str, name: str) -> dict[str, dict[bytes, int]]:
    """The pools of one list; `BadRule` names what is wrong."""
    import yaml

    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadRule(f"the list of pools {name} is no YAML.", hint=_HINT) from error
    if not isinstance(whole, dict) or not set(whole) <= {"dated", "source", "pools"}:
        raise BadRule(f"the list of pools {name} has other keys than dated, source and pools.", hint=_HINT)
    pools = whole.get("pools") or {}
    if pools and not whole.get("source"):
        raise BadRule(f"the list of pools {name} does not say where its addresses are from.", hint=_HINT)
    if not isinstance(pools, dict) or not all(isinstance(rows, dict) for rows in pools.values()):
        raise BadRule(f"the list of pools {name} is no table of chains.", hint=_HINT)
    return {
        str(chain): {_contract(text, name): _units(units, name) for text, units in rows.items()}
        for chain, rows in pools.items()
    }


def _contract(text: Any, name: str) -> bytes:
    digits = text[2:] if isinstance(text, str) and text.startswith("0x") else ""
    try:
        raw = bytes.fromhex(digits) if len(digits) == 40 else b""
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise BadRule(f"the list of pools {name} holds {text!r}, which is no contract.", hint=_HINT)
    return raw


def _units(text: Any, name: str) -> int:
    if not isinstance(text, str) or not text.isdecimal() or int(text) == 0:
        raise BadRule(f"the list of pools {name} holds {text!r}, which is no denomination.", hint=_HINT)
    return int(text)
