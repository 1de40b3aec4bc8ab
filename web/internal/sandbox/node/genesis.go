package node

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// ChainID is the sandbox's chain: eip155:31337.
const ChainID = 31337

const gasLimit = 30_000_000

// rules are those of Ethereum's mainnet up to Osaka, from block 0 on.
func rules() *params.ChainConfig {
	r := *params.MergedTestChainConfig
	r.ChainID = big.NewInt(ChainID)
	return &r
}

// genesis is block 0. It depends on the faucet and the contracts only, so that it is the
// same at each start.
func (cfg Config) genesis() *core.Genesis {
	alloc := core.SystemContractAllocs()
	for address, contract := range cfg.Contracts {
		alloc[address] = contract
	}
	rich := new(big.Int).Mul(big.NewInt(1_000_000_000), big.NewInt(params.Ether))
	for _, a := range cfg.Faucet {
		alloc[a] = types.Account{Balance: rich}
	}
	return &core.Genesis{
		Config: rules(), GasLimit: gasLimit, BaseFee: big.NewInt(params.InitialBaseFee), Difficulty: common.Big0,
		ExtraData: []byte("countersign sandbox"), Alloc: alloc,
	}
}
