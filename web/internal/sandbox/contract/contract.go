// Package contract is a few small contracts for chains that are not real: a token, one
// that forwards what it gets, and one that moves nothing and says so. They are written
// in the assembly of the EVM, because one language less is needed for them. The sandbox
// and tests use them.
package contract

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/crypto"
)

// Poor is what the token says of a transfer of more than the sender has.
const Poor = "insufficient balance"

// token is a token (EIP-20) with transfer, approve, allowance, balanceOf and decimals. A
// balance is in the slot of its address, an allowance in that of the hash of both.
var token = fmt.Sprintf(`
	0x00 CALLDATALOAD 0xe0 SHR
	DUP1 %s EQ @transfer JUMPI
	DUP1 %s EQ @approve JUMPI
	DUP1 %s EQ @allowance JUMPI
	DUP1 %s EQ @balanceOf JUMPI
	DUP1 %s EQ @decimals JUMPI
	0x00 0x00 REVERT

transfer:
	0x24 CALLDATALOAD CALLER SLOAD LT @poor JUMPI
	0x24 CALLDATALOAD CALLER SLOAD SUB CALLER SSTORE
	0x24 CALLDATALOAD 0x04 CALLDATALOAD SLOAD ADD 0x04 CALLDATALOAD SSTORE
	0x24 CALLDATALOAD 0x00 MSTORE
	0x04 CALLDATALOAD CALLER %s 0x20 0x00 LOG3
	0x01 @answer JUMP
approve:
	CALLER 0x00 MSTORE 0x04 CALLDATALOAD 0x20 MSTORE
	0x24 CALLDATALOAD 0x40 0x00 KECCAK256 SSTORE
	0x24 CALLDATALOAD 0x00 MSTORE
	0x04 CALLDATALOAD CALLER %s 0x20 0x00 LOG3
	0x01 @answer JUMP
allowance:
	0x04 CALLDATALOAD 0x00 MSTORE 0x24 CALLDATALOAD 0x20 MSTORE
	0x40 0x00 KECCAK256 SLOAD @answer JUMP
balanceOf:
	0x04 CALLDATALOAD SLOAD @answer JUMP
decimals:
	0x06
answer:
	0x00 MSTORE 0x20 0x00 RETURN
poor:
	%s 0x00 MSTORE 0x20 0x04 MSTORE 0x%02x 0x24 MSTORE %s 0x44 MSTORE
	0x64 0x00 REVERT`,
	selector("transfer(address,uint256)"), selector("approve(address,uint256)"), selector("allowance(address,address)"),
	selector("balanceOf(address)"), selector("decimals()"), hash("Transfer(address,address,uint256)"), hash("Approval(address,address,uint256)"),
	word(hexutil.MustDecode(selector("Error(string)"))), len(Poor), word([]byte(Poor)))

// Decimals is how many the token has.
const Decimals = 6

// TokenCode is the code of the token as it is on a chain.
func TokenCode() []byte { return Assemble(token) }

// Token is the token as it is in block 0, all of it with one holder.
func Token(holder common.Address, supply *big.Int) types.Account {
	return types.Account{Code: TokenCode(), Balance: new(big.Int), Nonce: 1, Storage: map[common.Hash]common.Hash{
		common.BytesToHash(holder[:]): common.BigToHash(supply),
	}}
}

// Deploy is the data of a transaction that puts the token on a chain: its sender has all
// of it, and a log says so.
func Deploy(supply *big.Int) []byte {
	return deploy(fmt.Sprintf("0x%064x DUP1 CALLER SSTORE 0x00 MSTORE CALLER 0x00 %s 0x20 0x00 LOG3", supply, hash("Transfer(address,address,uint256)")), TokenCode())
}

// DeployForwarder is that of a contract that sends what it gets to the address in the
// first word of a call's data: no log tells of it.
func DeployForwarder() []byte {
	return deploy("", Assemble("0x00 0x00 0x00 0x00 CALLVALUE 0x00 CALLDATALOAD GAS CALL STOP"))
}

// DeployRefuser is that of a token that answers each transfer with false, as some do,
// instead of reverting.
func DeployRefuser() []byte { return deploy("", Assemble("0x00 0x00 MSTORE 0x20 0x00 RETURN")) }

// deploy is code that does what begin says and returns what stays on the chain.
func deploy(begin string, code []byte) []byte {
	with := func(offset int) []byte {
		return Assemble(fmt.Sprintf("%s 0x%04x 0x%04x 0x00 CODECOPY 0x%04x 0x00 RETURN", begin, len(code), offset, len(code)))
	}
	return append(with(len(with(0))), code...)
}

// Call is the data of a call with addresses and numbers as arguments:
// "transfer(address,uint256)".
func Call(signature string, args ...any) []byte {
	data := crypto.Keccak256([]byte(signature))[:4]
	for _, a := range args {
		switch v := a.(type) {
		case common.Address:
			data = append(data, common.LeftPadBytes(v[:], 32)...)
		case *big.Int:
			data = append(data, common.BigToHash(v).Bytes()...)
		default:
			panic(fmt.Sprintf("%T is not an argument", a))
		}
	}
	return data
}

// Assemble translates assembly: names of instructions, 0x… to push it, "label:" and
// "@label" to push its place. It panics on what it does not know: all of it is written
// here and in tests.
func Assemble(source string) []byte {
	var code []byte
	places, used := map[string]int{}, map[int]string{}
	for _, word := range strings.Fields(source) {
		switch {
		case strings.HasPrefix(word, "0x"):
			data, err := hex.DecodeString(word[2:])
			if err != nil || len(data) == 0 || len(data) > 32 {
				panic("cannot push " + word)
			}
			code = append(append(code, byte(vm.PUSH0)+byte(len(data))), data...)
		case strings.HasPrefix(word, "@"):
			code = append(code, byte(vm.PUSH2), 0, 0)
			used[len(code)-2] = word[1:]
		case strings.HasSuffix(word, ":"):
			places[strings.TrimSuffix(word, ":")] = len(code)
			code = append(code, byte(vm.JUMPDEST))
		default:
			op := vm.StringToOp(word)
			if op == vm.STOP && word != "STOP" {
				panic("unknown instruction " + word)
			}
			code = append(code, byte(op))
		}
	}
	for at, label := range used {
		place, ok := places[label]
		if !ok {
			panic("unknown label " + label)
		}
		code[at], code[at+1] = byte(place>>8), byte(place)
	}
	return code
}

func selector(signature string) string {
	return hexutil.Encode(crypto.Keccak256([]byte(signature))[:4])
}

func hash(event string) string { return hexutil.Encode(crypto.Keccak256([]byte(event))) }

// word is bytes at the start of 32.
func word(b []byte) string { return hexutil.Encode(common.RightPadBytes(b, 32)) }
