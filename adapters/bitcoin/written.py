"""A node's verbose block written back to the bytes of the wire: what a node that gives no bytes is read by.

Field names are Core's RPC reference (`getblock` 2 and 3, `getrawtransaction` 1). Nothing is believed: the decoder
recomputes every txid, the Merkle root and the witness commitment from what is written here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.bitcoin.work import block_hash
from tracer.errors import BadBlock

_NOWHERE = bytes(32) + b"\xff\xff\xff\xff"
"""The outpoint a coinbase spends."""

Fields = Mapping[str, Any]


def block_bytes(verbose: Fields, *, decimals: int = 8) -> bytes:
    """A block of `getblock` 2 or 3 as on the wire, with witnesses where they are told.

    verbose   its JSON with amounts read as `Decimal`; `tx` holds whole transactions (an old node tells txids only: put
              its `getrawtransaction` 1 in their place)
    decimals  digits behind the point of an amount
    Raises `BadBlock` where a field is missing or holds what no wire can carry.
    """
    name = str(verbose.get("hash", "without a hash"))
    try:
        return (
            _header(verbose)
            + _varint(len(verbose["tx"]))
            + b"".join(tx_bytes(tx, decimals=decimals) for tx in verbose["tx"])
        )
    except BadBlock as error:
        raise BadBlock(f"block {name}: {error.problem}", hint=error.hint) from error
    except _MALFORMED as error:
        raise BadBlock(f"block {name}: {_reason(error)}.") from error


def tx_bytes(tx: Fields, *, decimals: int = 8) -> bytes:
    """One transaction as on the wire: its `hex` where the node tells it, else written from its fields."""
    name = str(tx.get("txid", "without a txid")) if isinstance(tx, Mapping) else str(tx)
    try:
        if told := tx.get("hex"):
            raw = bytes.fromhex(told)
            # of all bytes; the same as the txid where there is no witness
            if block_hash(raw)[::-1].hex() != tx.get("hash", tx["txid"]):
                raise BadBlock(f"the hex of transaction {name} is of another transaction.")
            return raw
        return _written(tx, decimals)
    except _MALFORMED as error:
        raise BadBlock(f"transaction {name}: {_reason(error)}.") from error


def spent(verbose: Fields, *, decimals: int = 8) -> list[tuple[int, bytes]] | None:
    """Value and script of every output the block's inputs spend, in their order, where `getblock` 3 tells them all.

    None where one is missing: older nodes, and blocks whose undo data the node has not.
    """
    found = []
    try:
        for tx in verbose["tx"]:
            for each in tx["vin"]:
                if "coinbase" in each:
                    continue
                if (told := each.get("prevout")) is None:
                    return None
                value = base_units(told["value"], decimals=decimals)
                found.append((value, bytes.fromhex(told["scriptPubKey"]["hex"])))
    except _MALFORMED as error:
        raise BadBlock(f"block {verbose.get('hash')}: a prevout of it: {_reason(error)}.") from error
    return found


def base_units(value: object, *, decimals: int = 8) -> int:
    """An amount in coins as whole base units; `BadBlock` where it is none, or was read as a float."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise BadBlock(
            f"{value!r} is no exact amount.", hint="Read the node's JSON with parse_float=Decimal."
        )
    sign, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        raise BadBlock(f"{value} is no amount.")
    number, places = int("".join(map(str, digits))), exponent + decimals
    # far beyond any amount: 10 ** places must not be let grow
    if sign or places > 30 or (places < 0 and number % 10 ** min(-places, 60)):
        raise BadBlock(f"{value} is no whole number of base units.")
    number = number * int(10**places) if places >= 0 else number // int(10**-places)
    if number >= 1 << 63:
        raise BadBlock(f"{value} is more than an output can hold.")
    return number


_MALFORMED = (KeyError, TypeError, ValueError, struct.error, AttributeError)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"the node does not tell {error}"
    return f"a field holds what it cannot ({error})"


def _header(verbose: Fields) -> bytes:
    version = int(verbose["version"])
    if isinstance(verbose["nonce"], str) or "solution" in verbose:
        raise BadBlock("its header holds a solution, which JSON does not tell whole.", hint=_RAW)
    if "mweb" in verbose:
        raise BadBlock("it carries a block of MWEB, which JSON does not tell.", hint=_RAW)
    if "auxpow" in verbose:
        raise BadBlock(
            "its header carries another chain's proof of work, which JSON does not tell whole.", hint=_RAW
        )
    previous = verbose.get("previousblockhash")  # the genesis has none
    return (
        struct.pack("<I", version & 0xFFFFFFFF)
        + (_hash(previous) if previous is not None else bytes(32))
        + _hash(verbose["merkleroot"])
        + struct.pack("<III", verbose["time"], int(verbose["bits"], 16), verbose["nonce"])
    )


_RAW = "Read its bytes: REST, or `getblock` 0."


def _written(tx: Fields, decimals: int) -> bytes:
    inputs: Sequence[Fields] = tx["vin"]
    outputs: Sequence[Fields] = tx["vout"]
    if any("tokenData" in output for output in outputs):
        raise BadBlock(
            f"transaction {tx['txid']} carries tokens, which its fields do not tell as written.", hint=_RAW
        )
    if [output["n"] for output in outputs] != list(range(len(outputs))):
        raise BadBlock(f"the outputs of transaction {tx['txid']} are not told in order, each once.")
    witnessed = any(each.get("txinwitness") for each in inputs)
    return b"".join(
        (
            struct.pack("<I", int(tx["version"]) & 0xFFFFFFFF),
            b"\0\1" if witnessed else b"",
            _varint(len(inputs)),
            *(_input(each) for each in inputs),
            _varint(len(outputs)),
            *(_output(each, decimals) for each in outputs),
            *(_stack(each.get("txinwitness") or ()) for each in inputs if witnessed),
            struct.pack("<I", tx["locktime"]),
        )
    )


def _input(each: Fields) -> bytes:
    sequence = struct.pack("<I", each["sequence"])
    if "coinbase" in each:
        return _NOWHERE + _prefixed(bytes.fromhex(each["coinbase"])) + sequence
    outpoint = _hash(each["txid"]) + struct.pack("<I", each["vout"])
    return outpoint + _prefixed(bytes.fromhex(each["scriptSig"]["hex"])) + sequence


def _output(each: Fields, decimals: int) -> bytes:
    value = base_units(each["value"], decimals=decimals)
    return struct.pack("<q", value) + _prefixed(bytes.fromhex(each["scriptPubKey"]["hex"]))


def _stack(items: Sequence[str]) -> bytes:
    return _varint(len(items)) + b"".join(_prefixed(bytes.fromhex(item)) for item in items)


def _hash(text: str) -> bytes:
    raw = bytes.fromhex(text)[::-1]
    if len(raw) != 32:
        raise ValueError(f"{text!r} is no hash")
    return raw


def _prefixed(raw: bytes) -> bytes:
    return _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    """CompactSize of the developer reference."""
    if number < 0xFD:
        return bytes((number,))
    if number <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", number)
    return b"\xfe" + struct.pack("<I", number)
