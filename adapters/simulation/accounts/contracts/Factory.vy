# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice Makes deposit addresses as clones of one forwarder (EIP-1167 by EIP-1014): they can be paid before they exist.
"""

interface Forwarder:
    def flush(): nonpayable
    def flush_token(token: address): nonpayable

model: public(immutable(address))


@deploy
def __init__(forwarder: address):
    model = forwarder


@external
def create(number: bytes32) -> address:
    return create_minimal_proxy_to(model, salt=number)


@external
def create_and_flush(number: bytes32, token: address):
    made: address = create_minimal_proxy_to(model, salt=number)
    if token == empty(address):
        extcall Forwarder(made).flush()
    else:
        extcall Forwarder(made).flush_token(token)


@external
def flush_all(clones: DynArray[address, 50], token: address):
    for clone: address in clones:
        if token == empty(address):
            extcall Forwarder(clone).flush()
        else:
            extcall Forwarder(clone).flush_token(token)
