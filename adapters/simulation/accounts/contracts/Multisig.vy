# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice A wallet of several owners: it acts when two of them have named the same act.
"""

owners: public(HashMap[address, bool])
named_by: HashMap[bytes32, address]


@deploy
@payable
def __init__(holders: DynArray[address, 5]):
    for holder: address in holders:
        self.owners[holder] = True


@external
@payable
def __default__():
    pass


@external
def act(number: uint256, to: address, amount: uint256, data: Bytes[512]):
    assert self.owners[msg.sender], "not an owner"
    what: bytes32 = keccak256(abi_encode(number, to, amount, data))
    if self.named_by[what] == empty(address):
        self.named_by[what] = msg.sender
        return
    assert self.named_by[what] != msg.sender, "somebody else must agree"
    self.named_by[what] = self  # done: it cannot be named again
    raw_call(to, data, value=amount)
