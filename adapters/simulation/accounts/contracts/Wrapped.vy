# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice The native coin as a token: one for one, with the events of WETH9 (which logs no Transfer when it wraps).
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256

event Deposit:
    receiver: indexed(address)
    amount: uint256

event Withdrawal:
    sender: indexed(address)
    amount: uint256

name: public(constant(String[13])) = "Wrapped Ether"
symbol: public(constant(String[4])) = "WETH"
decimals: public(constant(uint8)) = 18
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@internal
def _wrap(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount
    log Deposit(receiver=receiver, amount=amount)


@external
@payable
def __default__():
    self._wrap(msg.sender, msg.value)


@external
@payable
def deposit():
    self._wrap(msg.sender, msg.value)


@external
def withdraw(amount: uint256):
    self.balanceOf[msg.sender] -= amount
    log Withdrawal(sender=msg.sender, amount=amount)
    raw_call(msg.sender, b"", value=amount)


@view
@external
def totalSupply() -> uint256:
    return self.balance


@internal
def _move(sender: address, receiver: address, amount: uint256):
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, amount=amount)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    if sender != msg.sender:
        self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)
    return True
