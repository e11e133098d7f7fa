# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice Calls that look like payments and are none, and contracts that come and go inside a call.
"""


@external
@payable
def __default__():
    raise "it takes nothing"


@external
@payable
def attempt(to: address):
    # pays somebody who may refuse; what was refused goes back to the caller
    done: bool = raw_call(to, b"", value=msg.value, revert_on_failure=False)
    if not done:
        raw_call(msg.sender, b"", value=msg.value)


@external
@payable
def pay_then_fail(to: address):
    raw_call(to, b"", value=msg.value)
    raise "after the payment"


@external
@payable
def undone(to: address):
    # the inner payment succeeds, and its caller fails: nobody was paid
    data: Bytes[36] = concat(method_id("pay_then_fail(address)"), convert(to, bytes32))
    done: bool = raw_call(self, data, value=msg.value, revert_on_failure=False)
    assert not done
    raw_call(msg.sender, b"", value=msg.value)


@external
@payable
def create(code: Bytes[512]) -> address:
    return raw_create(code, value=msg.value)


@external
@payable
def lend(target: address, data: Bytes[512]):
    # runs the target's code here: what it pays, this contract pays
    raw_call(target, data, is_delegate_call=True)
