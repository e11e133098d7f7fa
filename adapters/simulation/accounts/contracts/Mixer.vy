# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice One denomination in, the same out to somewhere else: the events of a Tornado pool, without its proofs.
@dev The simulation alone knows which nullifier belongs to which deposit; the chain does not.
"""

event Deposit:
    commitment: indexed(bytes32)
    leafIndex: uint32
    timestamp: uint256

event Withdrawal:
    to: address
    nullifierHash: bytes32
    relayer: indexed(address)
    fee: uint256

denomination: public(immutable(uint256))
leaves: public(uint32)
spent: public(HashMap[bytes32, bool])


@deploy
def __init__(amount: uint256):
    denomination = amount


@external
@payable
def deposit(commitment: bytes32):
    assert msg.value == denomination, "one denomination only"
    log Deposit(commitment=commitment, leafIndex=self.leaves, timestamp=block.timestamp)
    self.leaves += 1


@external
def withdraw(nullifier: bytes32, to: address, relayer: address, fee: uint256):
    assert not self.spent[nullifier], "spent"
    self.spent[nullifier] = True
    raw_call(to, b"", value=denomination - fee)
    if fee > 0:
        raw_call(relayer, b"", value=fee)
    log Withdrawal(to=to, nullifierHash=nullifier, relayer=relayer, fee=fee)
