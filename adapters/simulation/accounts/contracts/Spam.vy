# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice A token that cannot be believed: it has a famous symbol, logs what never happened and answers nonsense.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

symbol: public(constant(String[4])) = "USDT"
name: public(constant(String[10])) = "Tether USD"
digits: immutable(uint256)


@deploy
def __init__(says: uint256):
    digits = says  # 0: it refuses to say


@view
@external
def decimals() -> uint256:
    assert digits > 0, "guess"
    return digits


@external
def say(senders: DynArray[address, 300], receivers: DynArray[address, 300], amount: uint256):
    for i: uint256 in range(len(senders), bound=300):
        log Transfer(sender=senders[i], receiver=receivers[i], amount=amount)
