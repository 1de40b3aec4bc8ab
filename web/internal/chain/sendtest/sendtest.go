// Package sendtest is what web/internal/chain expects of a node when it sends, as tests
// that run on any chain: on the sandbox's in `make test`, on geth in `make test-chains`.
// A chain that passes can be sent on; where two chains differ, the tests say how.
package sendtest

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"

	"countersign/shared/asset"
	"countersign/web/internal/chain"
	"countersign/web/internal/sandbox/contract"
)

// Chain is a chain to test on. It makes a block for each transaction that can be in one.
type Chain struct {
	URL  string // of the node, the same after Up
	ID   string // CAIP-2
	Fund func(t *testing.T, to common.Address, wei *big.Int)
	Down func(t *testing.T) // ends the node
	Up   func(t *testing.T) // starts it again, with the chain that it had
}

// Run tests it. Its tests are in an order: each needs the one chain to itself.
func Run(t *testing.T, c Chain) {
	for _, step := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"a deposit arrives", deposits},
		{"ether is sent, with the fee to the last wei", sendsEther},
		{"a transaction that waits can be raised by a tenth, not by less", raises},
		{"a transaction that waits is cancelled by one to oneself", cancels},
		{"a nonce after a gap waits for the gap", gaps},
		{"a token is sent", sendsTokens},
		{"more of a token than there is, is found before it is signed, and fails on the chain", overdraws},
		{"what a transaction lacks is told", lacks},
		{"a mistake of ours is told from a fault of the node", mistakes},
		{"a reorganisation drops a transaction, and the same bytes bring it back", reorganises},
		{"a node that is down takes the same bytes when it is back", restarts},
		{"a node that lies is not believed", lies},
	} {
		t.Run(step.name, func(t *testing.T) { step.test(t, newBench(t, c)) })
	}
}

// bench is a chain, and an account on it that has ten ether.
type bench struct {
	Chain
	key     *ecdsa.PrivateKey
	from    common.Address
	signer  types.Signer
	node    *ethclient.Client
	sender  *chain.Sender
	watcher *chain.Watcher
	tokens  []asset.Asset
}

func newBench(t *testing.T, c Chain) *bench {
	t.Helper()
	id, ok := new(big.Int).SetString(strings.TrimPrefix(c.ID, "eip155:"), 10)
	if !ok {
		t.Fatalf("chain %q has no number", c.ID)
	}
	b := &bench{Chain: c, key: newKey(t), signer: types.LatestSignerForChainID(id)}
	b.from = crypto.PubkeyToAddress(b.key.PublicKey)
	b.connect(t)
	b.fund(t, b.from, ether(10))
	return b
}

// connect makes clients that know the tokens.
func (b *bench) connect(t *testing.T) {
	t.Helper()
	var err error
	if b.node, err = ethclient.DialContext(t.Context(), b.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.node.Close)
	b.sender = b.senderAt(t, b.URL)
	if b.watcher, err = chain.New(b.config(b.URL)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.watcher.Close)
}

func (b *bench) config(url string) chain.Config {
	coin := asset.Asset{ID: "ethereum", Chain: b.ID, Type: "slip44:60", Name: "Ethereum", Ticker: "ETH", Places: 18, Seen: asset.ByBalance}
	return chain.Config{RPC: url, Chain: b.ID, Assets: append([]asset.Asset{coin}, b.tokens...)}
}

func (b *bench) senderAt(t *testing.T, url string) *chain.Sender {
	t.Helper()
	s, err := chain.NewSender(b.config(url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func someone(t *testing.T) common.Address {
	t.Helper()
	return crypto.PubkeyToAddress(newKey(t).PublicKey)
}

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// fund pays an address and waits until it has it.
func (b *bench) fund(t *testing.T, to common.Address, wei *big.Int) {
	t.Helper()
	before := b.balance(t, to)
	b.Fund(t, to, wei)
	want := new(big.Int).Add(before, wei)
	until(t, "the funds arrive", func() bool { return b.balance(t, to).Cmp(want) == 0 })
}

func (b *bench) balance(t *testing.T, of common.Address) *big.Int {
	t.Helper()
	n, err := b.sender.Balance(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *bench) nonce(t *testing.T, pending bool) uint64 {
	t.Helper()
	n, err := b.sender.Nonce(t.Context(), b.from, pending)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *bench) head(t *testing.T) chain.Block {
	t.Helper()
	head, err := b.watcher.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// sign makes a transaction of the account: what is not set in it is what the chain asks
// for now.
func (b *bench) sign(t *testing.T, tx types.DynamicFeeTx) *types.Transaction {
	t.Helper()
	tx.ChainID = b.signer.ChainID()
	if tx.GasFeeCap == nil {
		fees := b.fees(t)
		tx.GasTipCap, tx.GasFeeCap = fees.Normal.Tip, fees.Normal.Cap
	}
	if tx.Gas == 0 {
		tx.Gas = params.TxGas
	}
	signed, err := types.SignNewTx(b.key, b.signer, &tx)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// give broadcasts a transaction, and checks the outcome.
func (b *bench) give(t *testing.T, tx *types.Transaction, want ...chain.Outcome) {
	t.Helper()
	give(t, b.sender, tx, want...)
}

func give(t *testing.T, to *chain.Sender, tx *types.Transaction, want ...chain.Outcome) {
	t.Helper()
	got, err := to.Broadcast(t.Context(), raw(t, tx))
	for _, w := range want {
		if got == w && (err == nil) == w.Sent() {
			return
		}
	}
	t.Fatalf("the outcome is %q (%v), not %q", got, err, want)
}

func raw(t *testing.T, tx *types.Transaction) []byte {
	t.Helper()
	data, err := tx.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (b *bench) find(t *testing.T, hash common.Hash) chain.Seen {
	t.Helper()
	seen, err := b.sender.Find(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// mined waits until a transaction is in a block.
func (b *bench) mined(t *testing.T, tx *types.Transaction) (seen chain.Seen) {
	t.Helper()
	until(t, "the transaction is in a block", func() bool {
		var err error
		// A node may have the block before the receipt, or the other way round.
		seen, err = b.sender.Find(t.Context(), tx.Hash())
		return err == nil && seen.State == chain.Mined
	})
	if seen.Tx == nil || seen.Tx.Hash() != tx.Hash() || seen.Block.Hash == "" || seen.Block.At.IsZero() {
		t.Fatalf("%+v", seen)
	}
	return seen
}

// deploy puts a contract on the chain.
func (b *bench) deploy(t *testing.T, data []byte) common.Address {
	t.Helper()
	nonce := b.nonce(t, false)
	tx := b.sign(t, types.DynamicFeeTx{Nonce: nonce, Gas: 2_000_000, Data: data})
	b.give(t, tx, chain.Accepted)
	if b.mined(t, tx).Failed {
		t.Fatal("the contract was not made")
	}
	return crypto.CreateAddress(b.from, nonce)
}

// token puts the token on the chain, all of it with the account, and lets the clients
// know it.
func (b *bench) token(t *testing.T, supply int64) common.Address {
	t.Helper()
	address := b.deploy(t, contract.Deploy(big.NewInt(supply)))
	b.tokens = []asset.Asset{{
		ID: tokenID, Chain: b.ID, Type: "erc20:" + address.Hex(), Name: "Token", Ticker: "TOK", Places: contract.Decimals, Seen: asset.ByLogs,
	}}
	b.connect(t)
	return address
}

const tokenID = "ethereum/erc20/token"

// stuck are fees with which a transaction waits: less than the base fee, which falls by
// an eighth with each block that is nearly empty.
func (b *bench) stuck(t *testing.T) chain.Fee {
	t.Helper()
	fee := chain.Fee{Tip: big.NewInt(100), Cap: big.NewInt(1000)}
	if fees := b.fees(t); fees.Base.Cmp(big.NewInt(2000)) < 0 {
		t.Fatalf("the base fee has fallen to %d: the tests made too many blocks", fees.Base)
	}
	return fee
}

func (b *bench) fees(t *testing.T) chain.Fees {
	t.Helper()
	fees, err := b.sender.Fees(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fees
}

// read are the arrivals after a block, at an address.
func (b *bench) read(t *testing.T, after chain.Block, address common.Address) []chain.Arrival {
	t.Helper()
	_, found, err := b.watcher.Read(t.Context(), after, b.head(t).Number, chain.Watched{lower(address): true})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// moved checks what the watcher reads of one transaction at an address: "in ethereum 5".
func (b *bench) moved(t *testing.T, after chain.Block, address common.Address, tx *types.Transaction, want ...string) {
	t.Helper()
	var got []string
	for _, a := range b.read(t, after, address) {
		way := "in"
		switch {
		case a.Fee && a.Out:
			way = "fee"
		case a.Out:
			way = "out"
		}
		if a.Tx == strings.ToLower(tx.Hash().Hex()) {
			got = append(got, way+" "+a.Asset+" "+a.Units)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("at %v: %q, not %q", address, got, want)
	}
}

func lower(a common.Address) string { return strings.ToLower(a.Hex()) }

// setHead drops the blocks after a number.
func (b *bench) setHead(t *testing.T, number int64) {
	t.Helper()
	c, err := rpc.DialContext(t.Context(), b.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CallContext(t.Context(), nil, "debug_setHead", "0x"+big.NewInt(number).Text(16)); err != nil {
		t.Fatal(err)
	}
}

// until waits for something that a node does in its own time.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("not in 30 seconds: %s", what)
		case <-tick.C:
		}
	}
}

// serve is a handler on a port of its own.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func reverts(err error) (string, bool) {
	var r *chain.RevertError
	if !errors.As(err, &r) {
		return "", false
	}
	return r.Reason, true
}
