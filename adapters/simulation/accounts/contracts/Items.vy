# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice Things of which there are many of each number (ERC-1155), with the events of the standard.
"""

event TransferSingle:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    id: uint256
    amount: uint256

event TransferBatch:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    ids: DynArray[uint256, 8]
    values: DynArray[uint256, 8]

balanceOf: public(HashMap[address, HashMap[uint256, uint256]])


@external
def mint(receiver: address, ids: DynArray[uint256, 8], values: DynArray[uint256, 8]):
    for i: uint256 in range(len(ids), bound=8):
        self.balanceOf[receiver][ids[i]] += values[i]
    log TransferBatch(operator=msg.sender, sender=empty(address), receiver=receiver, ids=ids, values=values)


@external
def give(receiver: address, id: uint256, amount: uint256):
    self.balanceOf[msg.sender][id] -= amount
    self.balanceOf[receiver][id] += amount
    log TransferSingle(operator=msg.sender, sender=msg.sender, receiver=receiver, id=id, amount=amount)
