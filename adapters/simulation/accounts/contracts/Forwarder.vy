# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice What every deposit address of an exchange runs: anybody may push its money on, and only to the hot wallet.
"""

from ethereum.ercs import IERC20

hot: immutable(address)


@deploy
def __init__(to: address):
    hot = to


@external
@payable
def __default__():
    pass


@external
def flush():
    raw_call(hot, b"", value=self.balance)


@external
def flush_token(token: address):
    extcall IERC20(token).transfer(hot, staticcall IERC20(token).balanceOf(self))
