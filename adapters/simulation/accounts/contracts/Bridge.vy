# pragma version 0.4.3
# pragma evm-version cancun
"""
@notice One end of a bridge, with the events of Across: it keeps deposits, and relayers pay out at the other end.
"""

from ethereum.ercs import IERC20

struct RelayExecution:
    updatedRecipient: bytes32
    updatedMessageHash: bytes32
    updatedOutputAmount: uint256
    fillType: uint8

event FundsDeposited:
    inputToken: bytes32
    outputToken: bytes32
    inputAmount: uint256
    outputAmount: uint256
    destinationChainId: indexed(uint256)
    depositId: indexed(uint256)
    quoteTimestamp: uint32
    fillDeadline: uint32
    exclusivityDeadline: uint32
    depositor: indexed(bytes32)
    recipient: bytes32
    exclusiveRelayer: bytes32
    message: Bytes[32]

event FilledRelay:
    inputToken: bytes32
    outputToken: bytes32
    inputAmount: uint256
    outputAmount: uint256
    repaymentChainId: uint256
    originChainId: indexed(uint256)
    depositId: indexed(uint256)
    fillDeadline: uint32
    exclusivityDeadline: uint32
    exclusiveRelayer: bytes32
    relayer: indexed(bytes32)
    depositor: bytes32
    recipient: bytes32
    messageHash: bytes32
    relayExecutionInfo: RelayExecution

numberOfDeposits: public(uint256)
filled: HashMap[uint256, HashMap[uint256, bool]]


@internal
@pure
def _word(account: address) -> bytes32:
    return convert(convert(account, uint256), bytes32)


@external
def deposit(
    recipient: address, inputToken: address, outputToken: address, inputAmount: uint256, outputAmount: uint256,
    destinationChainId: uint256, fillDeadline: uint32
):
    extcall IERC20(inputToken).transferFrom(msg.sender, self, inputAmount)
    log FundsDeposited(
        inputToken=self._word(inputToken), outputToken=self._word(outputToken), inputAmount=inputAmount,
        outputAmount=outputAmount, destinationChainId=destinationChainId, depositId=self.numberOfDeposits,
        quoteTimestamp=convert(block.timestamp, uint32), fillDeadline=fillDeadline, exclusivityDeadline=0,
        depositor=self._word(msg.sender), recipient=self._word(recipient), exclusiveRelayer=empty(bytes32),
        message=b""
    )
    self.numberOfDeposits += 1


@external
def fill(
    originChainId: uint256, depositId: uint256, depositor: address, recipient: address, inputToken: address,
    outputToken: address, inputAmount: uint256, outputAmount: uint256, fillDeadline: uint32
):
    assert not self.filled[originChainId][depositId], "filled"
    self.filled[originChainId][depositId] = True
    extcall IERC20(outputToken).transferFrom(msg.sender, recipient, outputAmount)
    log FilledRelay(
        inputToken=self._word(inputToken), outputToken=self._word(outputToken), inputAmount=inputAmount,
        outputAmount=outputAmount, repaymentChainId=originChainId, originChainId=originChainId,
        depositId=depositId, fillDeadline=fillDeadline, exclusivityDeadline=0, exclusiveRelayer=empty(bytes32),
        relayer=self._word(msg.sender), depositor=self._word(depositor), recipient=self._word(recipient),
        messageHash=empty(bytes32), relayExecutionInfo=RelayExecution(
            updatedRecipient=self._word(recipient), updatedMessageHash=empty(bytes32),
            updatedOutputAmount=outputAmount, fillType=0
        )
    )
