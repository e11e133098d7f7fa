# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice Two tokens at a constant product, with the events of a Uniswap v2 pair; 0.3 % stay in the pool.
@dev It pays out first and looks at its balances afterwards: money has to be in it before `swap` is called.
"""

from ethereum.ercs import IERC20

event Mint:
    sender: indexed(address)
    amount0: uint256
    amount1: uint256

event Swap:
    sender: indexed(address)
    amount0In: uint256
    amount1In: uint256
    amount0Out: uint256
    amount1Out: uint256
    to: indexed(address)

event Sync:
    reserve0: uint112
    reserve1: uint112

token0: public(immutable(address))
token1: public(immutable(address))
reserve0: public(uint256)
reserve1: public(uint256)


@deploy
def __init__(a: address, b: address):
    token0 = a
    token1 = b


@internal
def _sync(held0: uint256, held1: uint256):
    self.reserve0 = held0
    self.reserve1 = held1
    log Sync(reserve0=convert(held0, uint112), reserve1=convert(held1, uint112))


@external
def fund():
    held0: uint256 = staticcall IERC20(token0).balanceOf(self)
    held1: uint256 = staticcall IERC20(token1).balanceOf(self)
    log Mint(sender=msg.sender, amount0=held0 - self.reserve0, amount1=held1 - self.reserve1)
    self._sync(held0, held1)


@external
def swap(amount0Out: uint256, amount1Out: uint256, to: address, data: Bytes[32]):
    if amount0Out > 0:
        extcall IERC20(token0).transfer(to, amount0Out)
    if amount1Out > 0:
        extcall IERC20(token1).transfer(to, amount1Out)
    held0: uint256 = staticcall IERC20(token0).balanceOf(self)
    held1: uint256 = staticcall IERC20(token1).balanceOf(self)
    in0: uint256 = held0 + amount0Out - self.reserve0
    in1: uint256 = held1 + amount1Out - self.reserve1
    assert in0 + in1 > 0, "nothing came in"
    assert (held0 * 1000 - in0 * 3) * (held1 * 1000 - in1 * 3) >= self.reserve0 * self.reserve1 * 10**6, "K"
    self._sync(held0, held1)
    log Swap(
        sender=msg.sender, amount0In=in0, amount1In=in1, amount0Out=amount0Out, amount1Out=amount1Out, to=to
    )
