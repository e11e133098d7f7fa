# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice Pays many at once: native coin that came with the call, or tokens of the caller.
"""

from ethereum.ercs import IERC20


@external
@payable
def pay(receivers: DynArray[address, 300], amounts: DynArray[uint256, 300]):
    for i: uint256 in range(len(receivers), bound=300):
        raw_call(receivers[i], b"", value=amounts[i])
    if self.balance > 0:
        raw_call(msg.sender, b"", value=self.balance)


@external
def pay_token(token: address, receivers: DynArray[address, 300], amounts: DynArray[uint256, 300]):
    for i: uint256 in range(len(receivers), bound=300):
        extcall IERC20(token).transferFrom(msg.sender, receivers[i], amounts[i])
