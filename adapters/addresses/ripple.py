"""XRP Ledger addresses: Base58Check in its own alphabet (classic), and X-addresses (XLS-5d).

Many customers of an exchange share one classic address and are told apart by a tag. So an X-address with a tag
stays what it is, a claim on that customer; one without a tag is written as the classic address it means.
"""

from __future__ import annotations

from adapters.addresses.base58 import RIPPLE, base58check, base58check_decode
from adapters.addresses.refusal import other_network, refusal, text_key
from tracer.chain import AddressKey

_CLASSIC = b"\x00"
_X_MAIN = b"\x05\x44"
_X_TEST = b"\x04\x93"


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key."""
    data = base58check_decode(text, RIPPLE)
    if len(data) == 21 and data[:1] == _CLASSIC:
        return text_key(text)
    if len(data) != 31 or data[:2] not in (_X_MAIN, _X_TEST):
        raise refusal(text, "it is neither a classic address nor an X-address")
    if data[:2] == _X_TEST:
        raise other_network(text, "xrpl")
    account, flag, tag = data[2:22], data[22], data[23:]
    if flag > 1 or any(tag[4:]) or (flag == 0 and any(tag)):
        raise refusal(text, "its flag and its tag do not agree (XLS-5d)")
    return text_key(text if flag else base58check(_CLASSIC + account, RIPPLE))
