"""What is screened, as people and files write it: one text, or one row of a table.

    ADDRESS                 an address; `chain:ADDRESS` where it is valid on several
    TXID:VOUT               a transfer: that output; on an account chain the transfer at that position
    TXID@ADDRESS            a transfer: what the transaction paid that address
    --to ADDRESS --amount   a withdrawal attempt: where money is about to go

Raises `BadSubject`, which says what to write instead. No ledger is read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tracer.chain import Chain, Family
from tracer.errors import BadSubject, UsageError
from tracer.flow.seeding import grammar
from tracer.intel.claims import clean
from tracer.screening.model import Direction, Subject
from tracer.screening.reading import Reading, chain_called, look_up, plain, prefixed, refuse, shown

__all__ = ["COLUMNS", "Reading", "Row", "of_row", "of_text", "reference_of", "withdrawal"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subject": ("target",),
    "address": ("wallet", "wallet_address", "account", "to", "to_address", "destination", "deposit_address",
                "output_address"),
    "txid": ("tx", "txhash", "tx_hash", "transaction", "transaction_hash", "transaction_id", "hash"),
    "vout": ("output", "output_index", "n", "idx", "transfer_index", "log_index"),
    "chain": ("network", "blockchain"),
    "asset": ("currency", "coin", "token", "symbol"),
    "amount": ("value", "quantity", "asset_amount"),
    "direction": ("side", "transfer_type"),
    "customer_reference": ("reference", "customer", "customer_id", "client_reference", "user_id", "external_id", "ref"),
}  # fmt: skip
"""Column of a table of subjects -> other headers that mean it."""

_DIRECTIONS: Mapping[str, Direction] = {
    "": "both", "both": "both",
    "inbound": "inbound", "in": "inbound", "deposit": "inbound", "received": "inbound", "incoming": "inbound",
    "outbound": "outbound", "out": "outbound", "withdrawal": "outbound", "withdraw": "outbound", "sent": "outbound",
    "outgoing": "outbound",
}  # fmt: skip
_AMOUNT = re.compile(r"\d+(?:\.\d+)?")
_MOST_UNITS = 10**38 - 1
_MOST_OF_REFERENCE = 256


@dataclass(frozen=True)
class Row:
    """One row of a table of subjects.

    line     where it stands in its file, from 1
    cells    column -> text, of `COLUMNS`, those that are filled
    problem  why it is no row; "" where it is one
    """

    line: int
    cells: Mapping[str, str]
    problem: str = ""


def of_text(text: str, by: Reading, *, reference: str = "") -> Subject:
    """Read one subject as it is typed."""
    body = plain(text, by)
    chain, body = prefixed(body, by)
    on, seed = look_up(text, body, chain or by.chain, by)
    return _subject(on, seed, text=clean(text), direction=by.direction, reference=reference)


def withdrawal(
    address: str, amount: str | None, by: Reading, *, asset: str | None = None, reference: str = ""
) -> Subject:
    """Read where money is about to go; `amount` as a decimal of the asset: a policy asks how much."""
    if amount is None or not amount.strip():
        refuse("a withdrawal needs its amount.", "Give the amount too, or screen the address alone.")
    body = plain(address, by)
    chain, body = prefixed(body, by)
    on, seed = look_up(address, body, chain or by.chain, by)
    if seed.kind != "address":
        refuse(f"{shown(address)} is no address to send to.", "Give --to ADDRESS.")
    named = _asset(on, asset)
    return Subject(
        "withdrawal_attempt", on.name, clean(address), address=seed.value, asset=named, direction="outbound",
        units=_units(amount, on, named, by), reference=reference,
    )  # fmt: skip


def of_row(row: Row, by: Reading) -> Subject:
    """Read one row of a table: what its filled cells say together."""
    if row.problem:
        refuse(row.problem, "")
    cell = {name: plain(text, by, name) for name, text in row.cells.items() if text.strip()}
    reference = _reference(cell.pop("customer_reference", ""))
    if cell.get("direction", "").lower() not in _DIRECTIONS:
        refuse(f"{shown(cell['direction'])} is no direction.", "Write inbound, outbound or both.")
    word = cell.get("direction", "").lower()
    told = _DIRECTIONS[word] if word else by.direction
    chain = chain_called(cell["chain"], by) if "chain" in cell else by.chain
    within = replace(by, chain=chain, direction=told)
    if "subject" in cell:
        if "address" in cell or "txid" in cell:
            refuse("it names a subject, and an address or a txid too.", "Fill one of them.")
        found = of_text(cell["subject"], within, reference=reference)
        if found.kind != "address":
            return _of_vout(found, cell)
        cell["address"] = cell.pop("subject")
    if "txid" in cell:
        return of_text(_transfer(cell), within, reference=reference)
    if "address" not in cell:
        refuse("it names neither an address nor a txid.", "Fill the column address, or txid and vout.")
    if "vout" in cell:
        refuse("it has a vout and no txid.", "Fill txid too, or leave vout empty.")
    paid = "amount" in cell
    if word in ("withdrawal", "withdraw") or (paid and (told == "outbound" or (not word and told == "both"))):
        return withdrawal(
            cell["address"], cell.get("amount"), within, asset=cell.get("asset"), reference=reference
        )
    if paid and told == "inbound":
        refuse("an inbound amount without its transaction cannot be judged.", "Fill txid and vout.")
    found = of_text(cell["address"], within, reference=reference)
    if found.kind != "address":
        refuse(f"{shown(cell['address'])} is no address.", "Fill txid and vout for a transfer.")
    return found


def reference_of(row: Row, by: Reading) -> str | None:
    """The customer's reference of a row that was refused; None where there is none that may be repeated."""
    try:
        return _reference(plain(row.cells.get("customer_reference", ""), by, "customer_reference"))
    except BadSubject:
        return None


def _reference(text: str) -> str:
    found = clean(text)
    if len(found) > _MOST_OF_REFERENCE:
        refuse(f"its customer_reference has more than {_MOST_OF_REFERENCE} letters.", "")
    return found


def _of_vout(found: Subject, cell: Mapping[str, str]) -> Subject:
    """A transfer that a column `vout` may name again, and not otherwise."""
    place = found.vout if found.vout is not None else found.transfer_index
    if "vout" in cell and cell["vout"] != str(place):
        refuse("its subject names another vout than its vout.", "Leave vout empty.")
    return found


def _transfer(cell: Mapping[str, str]) -> str:
    """How the filled cells of a transfer are typed."""
    if "vout" in cell:
        return f"{cell['txid']}:{cell['vout']}"
    return f"{cell['txid']}@{cell['address']}" if "address" in cell else cell["txid"]


def _subject(chain: Chain, seed: grammar.Seed, *, text: str, direction: Direction, reference: str) -> Subject:
    """The subject that a parsed text names."""
    if seed.kind == "address":
        return Subject(
            "address", chain.name, text, address=seed.value, direction=direction, reference=reference
        )
    txid = grammar.txid_of(seed)
    one_way: Direction = "outbound" if direction == "outbound" else "inbound"
    if seed.kind == "txid_address":
        address = seed.value.partition("@")[2]
        return Subject("transfer", chain.name, text, address, txid, direction=one_way, reference=reference)
    if seed.kind != "outpoint":
        refuse(
            f"transaction {txid} may pay several people: which payment is meant?",
            f"Write {txid}:VOUT or {txid}@ADDRESS.",
        )
    number = int(seed.value.partition(":")[2])
    utxo = chain.family is Family.UTXO
    return Subject(
        "transfer", chain.name, text, txid=txid, vout=number if utxo else None,
        transfer_index=None if utxo else number, direction=one_way, reference=reference,
    )  # fmt: skip


def _asset(chain: Chain, asset: str | None) -> str | None:
    """The asset as it was given; None for the chain's own coin."""
    if asset is None or asset.strip().lower() in ("native", chain.asset.lower()):
        return None
    if chain.family is Family.UTXO:
        refuse(f"{chain.name} has one asset, {chain.asset}, not {shown(asset)}.", "Leave the asset out.")
    return asset.strip()


def _units(amount: str, chain: Chain, asset: str | None, by: Reading) -> int:
    """A decimal amount in base units, exactly."""
    text = amount.strip()
    if not _AMOUNT.fullmatch(text) or len(text) > 80:
        refuse(f"{shown(amount)} is no amount.", "Write a decimal number such as 0.25, without separators.")
    try:
        decimals = chain.decimals if asset is None else by.decimals(chain, asset)
    except UsageError as error:
        raise BadSubject(error.problem, hint="Screen the address alone.") from error
    whole, _, part = text.partition(".")
    if part[decimals:].strip("0"):
        refuse(f"{text} has more than {decimals} decimals.", "Give what can be paid.")
    units = int(whole + part[:decimals].ljust(decimals, "0"))
    if units > _MOST_UNITS:
        refuse(f"{shown(amount)} is more than any transfer holds.", "Check the amount.")
    return units
