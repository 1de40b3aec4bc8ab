package sandbox

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"countersign/shared/asset"
	"countersign/shared/secret"
	"countersign/web/internal/sandbox/contract"
	"countersign/web/internal/sandbox/node"
	"countersign/web/internal/sandbox/pretend"
)

// funds are the providers' own keys on the sandbox's chain.
type funds struct {
	keys  map[string]*ecdsa.PrivateKey
	chain *node.Node
}

// openFunds reads the keys of the providers from the state directory, or makes
// them. The sandbox's coins are worth nothing.
func openFunds(dir string) (*funds, error) {
	f := &funds{keys: map[string]*ecdsa.PrivateKey{}}
	for _, id := range pretend.IDs() {
		path := filepath.Join(dir, "funds-"+id+".key")
		text, _, err := secret.Line(path, 64)
		var key *ecdsa.PrivateKey
		switch {
		case err == nil:
			key, err = crypto.HexToECDSA(string(text))
		case errors.Is(err, os.ErrNotExist):
			if key, err = crypto.GenerateKey(); err == nil {
				err = crypto.SaveECDSA(path, key)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("open the funds of %s: %w", id, err)
		}
		f.keys[id] = key
	}
	return f, nil
}

func (f *funds) addresses() []common.Address {
	var out []common.Address
	for _, id := range pretend.IDs() {
		out = append(out, crypto.PubkeyToAddress(f.keys[id].PublicKey))
	}
	return out
}

// dollarID is the LedgerId of the sandbox's token. No provider sells it.
const dollarID = "ethereum/erc20/sandbox_dollar"

// Of what an address is funded with.
var (
	someEther   = new(big.Int).Mul(big.NewInt(10), big.NewInt(params.Ether))
	someDollars = big.NewInt(25_000_000_000) // 25,000
)

func dollars() common.Address {
	a, _ := asset.On(asset.Sandbox, dollarID)
	return common.HexToAddress(a.Contract())
}

// bank is who funds others, and has all dollars in block 0.
func (f *funds) bank() *ecdsa.PrivateKey { return f.keys[pretend.IDs()[0]] }

// contracts are what is on the chain from block 0 on.
func (f *funds) contracts() types.GenesisAlloc {
	all := new(big.Int).Mul(someDollars, big.NewInt(1_000_000))
	return types.GenesisAlloc{dollars(): contract.Token(crypto.PubkeyToAddress(f.bank().PublicKey), all)}
}

// give funds addresses with ether and dollars, each once.
func (f *funds) give(to []string) error {
	for _, address := range to {
		if !common.IsHexAddress(address) {
			return fmt.Errorf("the configuration's funded: %q is not an address", address)
		}
		a := common.HexToAddress(address)
		if _, given := f.chain.Find(a, someEther); !given {
			if _, err := f.chain.Transfer(f.bank(), a, someEther); err != nil {
				return fmt.Errorf("fund %s: %w", address, err)
			}
		}
		data := contract.Call("transfer(address,uint256)", a, someDollars)
		if _, given := f.chain.FindCall(dollars(), data); !given {
			if _, err := f.chain.Call(f.bank(), dollars(), data); err != nil {
				return fmt.Errorf("fund %s with dollars: %w", address, err)
			}
		}
	}
	return nil
}

// Send and Sent make funds a [pretend.Chain].
func (f *funds) Send(provider string, to common.Address, value *big.Int) (string, error) {
	tx, err := f.chain.Transfer(f.keys[provider], to, value)
	return tx.Hex(), err
}

// Sent finds a transfer that was made before.
func (f *funds) Sent(to common.Address, value *big.Int) (string, bool) {
	tx, ok := f.chain.Find(to, value)
	return tx.Hex(), ok
}
