# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice Takes the caller's tokens (or native coin) through one pool after the other, with the functions of Uniswap v2.
"""

from ethereum.ercs import IERC20

interface Pool:
    def token0() -> address: view
    def reserve0() -> uint256: view
    def reserve1() -> uint256: view
    def swap(amount0Out: uint256, amount1Out: uint256, to: address, data: Bytes[32]): nonpayable

interface Wrapped:
    def deposit(): payable
    def withdraw(amount: uint256): nonpayable

wrapped: immutable(address)
keeper: immutable(address)
pool: public(HashMap[address, HashMap[address, address]])


@deploy
def __init__(wrapping: address):
    wrapped = wrapping
    keeper = msg.sender


@external
def list_pool(a: address, b: address, at: address):
    assert msg.sender == keeper, "only the keeper lists"
    self.pool[a][b] = at
    self.pool[b][a] = at


@external
@payable
def __default__():
    assert msg.sender == wrapped, "only unwrapping pays in"


@internal
def _route(amount: uint256, path: DynArray[address, 4], to: address) -> uint256:
    part: uint256 = amount
    for i: uint256 in range(len(path) - 1, bound=3):
        at: address = self.pool[path[i]][path[i + 1]]
        first: bool = path[i] == staticcall Pool(at).token0()
        into: uint256 = staticcall Pool(at).reserve0() if first else staticcall Pool(at).reserve1()
        out_of: uint256 = staticcall Pool(at).reserve1() if first else staticcall Pool(at).reserve0()
        part = part * 997 * out_of // (into * 1000 + part * 997)
        goes_to: address = to
        if i + 2 < len(path):
            goes_to = self.pool[path[i + 1]][path[i + 2]]
        extcall Pool(at).swap(0 if first else part, part if first else 0, goes_to, b"")
    return part


@external
def swapExactTokensForTokens(
    amountIn: uint256, amountOutMin: uint256, path: DynArray[address, 4], to: address, deadline: uint256
):
    extcall IERC20(path[0]).transferFrom(msg.sender, self.pool[path[0]][path[1]], amountIn)
    assert self._route(amountIn, path, to) >= amountOutMin, "too little out"


@external
@payable
def swapExactETHForTokens(amountOutMin: uint256, path: DynArray[address, 4], to: address, deadline: uint256):
    extcall Wrapped(wrapped).deposit(value=msg.value)
    extcall IERC20(wrapped).transfer(self.pool[path[0]][path[1]], msg.value)
    assert self._route(msg.value, path, to) >= amountOutMin, "too little out"


@external
def swapExactTokensForETH(
    amountIn: uint256, amountOutMin: uint256, path: DynArray[address, 4], to: address, deadline: uint256
):
    extcall IERC20(path[0]).transferFrom(msg.sender, self.pool[path[0]][path[1]], amountIn)
    part: uint256 = self._route(amountIn, path, self)
    assert part >= amountOutMin, "too little out"
    extcall Wrapped(wrapped).withdraw(part)
    raw_call(to, b"", value=part)
