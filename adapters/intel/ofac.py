"""What the files of the US Treasury's Office of Foreign Assets Control (OFAC) have in common.

OFAC publishes two lists, SDN and the consolidated one of all others, each as CSV, XML and "advanced" XML
(sanctionslist.ofac.treas.gov). An address stands under `Digital Currency Address - <ticker>` in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from adapters.addresses import registry
from tracer.errors import BadAddress, UsageError

SDN = "ofac-sdn"
CONSOLIDATED = "ofac-consolidated"

ADDRESS = re.compile(r"digital\s*currency\s*addr", re.IGNORECASE)
"""Whatever this is found in must give an address or be rejected: a lost one reads as `not sanctioned`."""
TICKER = re.compile(r"Digital Currency Address\s*-\s*([A-Z0-9]{2,12})", re.IGNORECASE)


def list_of(file: str) -> str:
    """The list a file holds, by its name where nothing inside tells: OFAC names the consolidated ones `cons*`."""
    return CONSOLIDATED if Path(file).name.lower().startswith("cons") else SDN


def programmes(texts: Iterable[str]) -> str:
    """Programmes sorted and separated by a space; inside one, what would part it is a hyphen (`CAATSA - RUSSIA`)."""
    codes = {re.sub(r"[\s,;-]+", "-", text).strip("-") for text in texts}
    return " ".join(sorted(codes - {""}))


def place(currency: str, address: str) -> dict[str, str]:
    """Chain or currency of a listed address. One filed under a wrong ticker stands where its checksum says.

    OFAC lists a Tron address as XBT; rejected, a sanctioned account would read as `not sanctioned`. The ticker
    it was filed under is kept in the claim.
    """
    ticker = currency.upper()
    try:
        chain, _ = registry.chain_of_ticker(ticker, address)
        registry.parse(chain, address)
    except BadAddress:
        if other := registry.only_chain(address):
            return {"chain": other, "context": f"filed under {ticker}"}
    except UsageError:
        pass  # a ticker nobody knows: the reader rejects the row and says so
    return {"currency": ticker}


def tag(
    currency: str, address: str, *, name: str, number: str, programme: str, source: str
) -> dict[str, str]:
    """The row of one address of the party that OFAC gives this number."""
    return {
        **place(currency, address),
        "address": address,
        "label": name,
        "category": "sanction",
        "confidence": "authority_data",
        "subject": f"ofac:{number}",
        "programme": programme,
        "source": source,
    }
