# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice A fungible token (ERC-20). It may keep a part of every transfer, as some real tokens do.
@dev What it keeps is logged as a transfer of its own to the collector, and the receiver is logged with what he gets.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256

name: public(String[64])
symbol: public(String[16])
decimals: public(uint8)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
issuer: immutable(address)
keeps: immutable(uint256)  # parts of ten thousand


@deploy
def __init__(name: String[64], symbol: String[16], decimals: uint8, kept: uint256):
    self.name = name
    self.symbol = symbol
    self.decimals = decimals
    issuer = msg.sender
    keeps = kept


@internal
def _move(sender: address, receiver: address, amount: uint256):
    self.balanceOf[sender] -= amount
    kept: uint256 = amount * keeps // 10000
    self.balanceOf[receiver] += amount - kept
    log Transfer(sender=sender, receiver=receiver, amount=amount - kept)
    if kept > 0:
        self.balanceOf[issuer] += kept
        log Transfer(sender=sender, receiver=issuer, amount=kept)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)
    return True


@external
def mint(receiver: address, amount: uint256):
    assert msg.sender == issuer, "only the issuer mints"
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=empty(address), receiver=receiver, amount=amount)


@external
def burn(amount: uint256):
    self.totalSupply -= amount
    self.balanceOf[msg.sender] -= amount
    log Transfer(sender=msg.sender, receiver=empty(address), amount=amount)


@external
def airdrop(receivers: DynArray[address, 300], amount: uint256):
    for receiver: address in receivers:
        self._move(msg.sender, receiver, amount)
