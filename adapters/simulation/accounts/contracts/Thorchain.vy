# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice The router of a swap network whose vaults are ordinary accounts, with the events of THORChain's router.
"""

from ethereum.ercs import IERC20

event Deposit:
    to: indexed(address)
    asset: indexed(address)
    amount: uint256
    memo: String[250]

event TransferOut:
    vault: indexed(address)
    to: indexed(address)
    asset: address
    amount: uint256
    memo: String[250]

vaultAllowance: public(HashMap[address, HashMap[address, uint256]])


@external
@payable
def depositWithExpiry(vault: address, asset: address, amount: uint256, memo: String[250], expiration: uint256):
    assert block.timestamp < expiration, "too late"
    if asset == empty(address):
        raw_call(vault, b"", value=msg.value)
        log Deposit(to=vault, asset=asset, amount=msg.value, memo=memo)
    else:
        extcall IERC20(asset).transferFrom(msg.sender, self, amount)
        self.vaultAllowance[vault][asset] += amount
        log Deposit(to=vault, asset=asset, amount=amount, memo=memo)


@external
@payable
def transferOut(to: address, asset: address, amount: uint256, memo: String[250]):
    if asset == empty(address):
        raw_call(to, b"", value=msg.value)
        log TransferOut(vault=msg.sender, to=to, asset=asset, amount=msg.value, memo=memo)
    else:
        self.vaultAllowance[msg.sender][asset] -= amount
        extcall IERC20(asset).transfer(to, amount)
        log TransferOut(vault=msg.sender, to=to, asset=asset, amount=amount, memo=memo)
