"""The contracts of each bridge, from `emitters.yml` and from lists of an analyst's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tracer.errors import BadRule
from tracer.flow.bridges.rules import Pinned

_HINT = "Write it as rules/bridges/emitters.yml is written: protocol, then source, networks, emitters."


@cache
def own() -> Mapping[str, Pinned]:
    """Protocol -> its contracts, of the list that comes with the program."""
    return read(_text(), "emitters.yml")


@cache
def digest_of_list() -> str:
    """SHA-256 of the list that comes with the program: part of what an answer rests on."""
    return hashlib.sha256(_text().encode()).hexdigest()


def _text() -> str:
    return files("rules.bridges").joinpath("emitters.yml").read_text(encoding="utf-8")


def with_lists(paths: Iterable[Path]) -> Mapping[str, Pinned]:
    """The same, with what other files add; a file that cannot be used is `BadRule`."""
    found = dict(own())
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadRule(f"the emitter list {path} cannot be read.", hint=_HINT) from error
        for protocol, more in read(text, path.name).items():
            found[protocol] = _joined(found.get(protocol, Pinned()), more)
    return found


def read(text: str, name: str) -> dict[str, Pinned]:
    """Protocol -> its contracts, of one list; `BadRule` names what is wrong."""
    import yaml

    try:
        rows = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadRule(f"the emitter list {name} is no YAML.", hint=_HINT) from error
    if not isinstance(rows, dict):
        raise BadRule(f"the emitter list {name} names no protocol.", hint=_HINT)
    return {
        protocol: _pinned(row, f"{name}: {protocol}") for protocol, row in rows.items() if protocol != "dated"
    }


def _pinned(row: Any, place: str) -> Pinned:
    if not isinstance(row, dict) or not set(row) <= {"source", "networks", "emitters"}:
        raise BadRule(
            f"the emitter list {place} has other keys than source, networks and emitters.", hint=_HINT
        )
    networks, emitters = row.get("networks") or {}, row.get("emitters") or {}
    if emitters and not row.get("source"):
        raise BadRule(f"the emitter list {place} does not say where its addresses are from.", hint=_HINT)
    try:
        known = {str(chain): str(name) for chain, name in networks.items()}
        of_chain = {
            str(chain): {_contract(text, place): str(what) for text, what in contracts.items()}
            for chain, contracts in emitters.items()
        }
    except AttributeError as error:
        raise BadRule(f"the emitter list {place} is no table of chains.", hint=_HINT) from error
    if missing := sorted(set(of_chain) - set(known)):
        raise BadRule(
            f"the emitter list {place} does not say what the protocol calls {missing[0]}.", hint=_HINT
        )
    return Pinned(of_chain, known)


def _contract(text: Any, place: str) -> bytes:
    digits = text[2:] if isinstance(text, str) and text.startswith("0x") else ""
    try:
        raw = bytes.fromhex(digits) if len(digits) == 40 else b""
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise BadRule(f"the emitter list {place} holds {text!r}, which is no contract.", hint=_HINT)
    return raw


def _joined(one: Pinned, more: Pinned) -> Pinned:
    chains = [*one.emitters, *(chain for chain in more.emitters if chain not in one.emitters)]
    return Pinned(
        {chain: {**one.emitters.get(chain, {}), **more.emitters.get(chain, {})} for chain in chains},
        {**one.networks, **more.networks},
    )
