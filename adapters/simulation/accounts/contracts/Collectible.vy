# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice Things of which there is one each (ERC-721), with the events of the standard.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    tokenId: indexed(uint256)

name: public(constant(String[17])) = "Simulated Penguin"
symbol: public(constant(String[4])) = "PENG"
ownerOf: public(HashMap[uint256, address])
balanceOf: public(HashMap[address, uint256])


@external
def mint(receiver: address, tokenId: uint256):
    assert self.ownerOf[tokenId] == empty(address), "taken"
    self.ownerOf[tokenId] = receiver
    self.balanceOf[receiver] += 1
    log Transfer(sender=empty(address), receiver=receiver, tokenId=tokenId)


@external
def transferFrom(sender: address, receiver: address, tokenId: uint256):
    assert self.ownerOf[tokenId] == sender and msg.sender == sender, "not yours"
    self.ownerOf[tokenId] = receiver
    self.balanceOf[sender] -= 1
    self.balanceOf[receiver] += 1
    log Transfer(sender=sender, receiver=receiver, tokenId=tokenId)
