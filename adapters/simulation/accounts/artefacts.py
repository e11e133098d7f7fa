"""The contracts of the world: their Vyper sources, and what the compiler made of them, kept beside.

Nobody needs the compiler to run a world. Whoever changes a source calls `write`; a test compiles all of them
again and compares.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from adapters.addresses.keccak import keccak256
from adapters.nesting import limit_kept

FOLDER = Path(__file__).parent / "contracts"
_CLONE_BEFORE = bytes.fromhex("602d3d8160093d39f3363d3d373d3d3d363d73")
_CLONE_AFTER = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def names() -> list[str]:
    """Every contract that has a source."""
    return sorted(path.stem for path in FOLDER.glob("*.vy"))


def compiled(name: str) -> dict[str, Any]:
    """Compile one source now: `compiler`, `source_sha256`, `abi`, `bytecode`. Needs vyper, a development dependency."""
    with limit_kept():
        import vyper

        source = (FOLDER / f"{name}.vy").read_text()
        made = vyper.compile_code(source, output_formats=["abi", "bytecode"])
    return {
        "compiler": f"vyper {vyper.__version__}",
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "abi": made["abi"],
        "bytecode": made["bytecode"],
    }


def stored(name: str) -> dict[str, Any]:
    """What was compiled before."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def write() -> None:
    """Compile all sources and store what comes out. Raises what vyper raises."""
    for name in names():
        (FOLDER / f"{name}.json").write_text(json.dumps(compiled(name), indent=1) + "\n")


def _type(field: dict[str, Any]) -> str:
    kind: str = field["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_type, field['components']))}){kind[5:]}"


class Contract:
    """How to call one contract: call data from names and values, topics from names of events."""

    def __init__(self, name: str) -> None:
        made = stored(name)
        self.name = name
        self.bytecode = bytes.fromhex(made["bytecode"][2:])
        self._inputs = {
            entry.get("name", "__init__"): [_type(field) for field in entry["inputs"]]
            for entry in made["abi"]
            if entry["type"] in ("function", "constructor")
        }
        self._selectors = {
            function: keccak256(f"{function}({','.join(types)})".encode())[:4]
            for function, types in self._inputs.items()
        }
        self.topics = {
            entry["name"]: keccak256(f"{entry['name']}({','.join(map(_type, entry['inputs']))})".encode())
            for entry in made["abi"]
            if entry["type"] == "event"
        }
        """topic 0 by the name of an event"""

    def call(self, function: str, *values: object) -> bytes:
        """Call data."""
        return self._selectors[function] + encode(self._inputs[function], values)

    def creation(self, *values: object) -> bytes:
        """What a creating transaction carries."""
        return self.bytecode + encode(self._inputs.get("__init__", []), values)


@cache
def contract(name: str) -> Contract:
    """The contract of a name."""
    return Contract(name)


def rlp(item: bytes | int | list[Any]) -> bytes:
    """Recursive length prefix (yellow paper, appendix B): what is signed and hashed."""
    if isinstance(item, list):
        return _prefixed(b"".join(map(rlp, item)), 0xC0)
    data = item if isinstance(item, bytes) else item.to_bytes((item.bit_length() + 7) // 8)
    return data if len(data) == 1 and data[0] < 0x80 else _prefixed(data, 0x80)


def _prefixed(data: bytes, mark: int) -> bytes:
    if len(data) < 56:
        return bytes([mark + len(data)]) + data
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8)
    return bytes([mark + 55 + len(size)]) + size + data


def created_at(sender: bytes, nonce: int) -> bytes:
    """Where a creation puts its contract: the end of the hash of sender and nonce (yellow paper, section 7)."""
    return keccak256(rlp([sender, nonce]))[12:]


def clone_at(factory: bytes, salt: bytes, model: bytes) -> bytes:
    """Where `factory` puts a clone of `model` (EIP-1014, of the code of EIP-1167 as Vyper writes it)."""
    code = _CLONE_BEFORE + model + _CLONE_AFTER
    return keccak256(b"\xff" + factory + salt + keccak256(code))[12:]
