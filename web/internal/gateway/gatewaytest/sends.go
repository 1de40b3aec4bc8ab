package gatewaytest

import (
	"crypto/ecdsa"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"

	"countersign/shared/asset"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/sandbox/contract"
	"countersign/web/internal/sandbox/node"
)

// Sandbox is the sandbox's chain, a real one: what is sent to it is carried out.
type Sandbox struct {
	*node.Node
	Faucet *ecdsa.PrivateKey
	Down   atomic.Bool // nothing answers at the node's address

	t      testing.TB
	client *rpc.Client
}

// NewSending starts a world on the sandbox's chain, whose rule is for transfers and what replaces them too, and
// whose account has 10 ether.
func NewSending(t testing.TB, confirmations int64) (*World, *Sandbox) {
	t.Helper()
	return NewSendingBy(t, confirmations, func(s gateway.Sender) gateway.Sender { return s })
}

// NewSendingBy is [NewSending] with a sender that is changed.
func NewSendingBy(t testing.TB, confirmations int64, change func(gateway.Sender) gateway.Sender) (*World, *Sandbox) {
	t.Helper()
	w := prepare(t, confirmations, false, func(r *governance.Rule) {
		r.When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindBuy, intent.KindTransfer, intent.KindReplace}}}}
	})
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	rich := crypto.PubkeyToAddress(key.PublicKey)
	n, err := node.Open(node.Config{
		Dir: t.TempDir(), Faucet: []common.Address{rich}, Contracts: types.GenesisAlloc{dollars(): contract.Token(rich, big.NewInt(1_000_000_000_000))},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	s := &Sandbox{Node: n, Faucet: key, t: t}
	handler, err := n.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if s.Down.Load() {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	if s.client, err = rpc.Dial(server.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	cfg := chain.Config{RPC: server.URL, Chain: ChainID}
	watcher, err := chain.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := chain.NewSender(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { watcher.Close(); sender.Close() })
	w.sandbox = &gateway.Watched{Node: watcher, Sender: change(sender), Confirmations: confirmations}
	s.Fund(w.Signer.Genesis.Accounts[0].Address, 10)
	return w.begin(), s
}

// Fund gives an address so many ether, and mines the block.
func (s *Sandbox) Fund(to string, ether int64) {
	s.t.Helper()
	if _, err := s.Transfer(s.Faucet, common.HexToAddress(to), new(big.Int).Mul(big.NewInt(ether), big.NewInt(params.Ether))); err != nil {
		s.t.Fatal(err)
	}
	s.Blocks(1)
}

// Dollar is the LedgerId of the sandbox's token.
const Dollar = "ethereum/erc20/sandbox_dollar"

func dollars() common.Address {
	a, _ := asset.On(ChainID, Dollar)
	return common.HexToAddress(a.Contract())
}

// FundDollars gives an address so many sandbox dollars.
func (s *Sandbox) FundDollars(to string, whole int64) {
	s.t.Helper()
	data := contract.Call("transfer(address,uint256)", common.HexToAddress(to), big.NewInt(whole*1_000_000))
	if _, err := s.Call(s.Faucet, dollars(), data); err != nil {
		s.t.Fatal(err)
	}
}

// Sent is how many transactions an address has in blocks.
func (s *Sandbox) Sent(address string) (nonce uint64) {
	s.t.Helper()
	var n hexutil.Uint64
	s.ask(&n, "eth_getTransactionCount", address, "latest")
	return uint64(n)
}

// Has is what an address has, in wei.
func (s *Sandbox) Has(address string) string {
	s.t.Helper()
	var n hexutil.Big
	s.ask(&n, "eth_getBalance", address, "latest")
	return n.ToInt().String()
}

// Number is that of the newest block.
func (s *Sandbox) Number() uint64 {
	s.t.Helper()
	var n hexutil.Uint64
	s.ask(&n, "eth_blockNumber")
	return uint64(n)
}

func (s *Sandbox) ask(out any, method string, args ...any) {
	s.t.Helper()
	if err := s.client.CallContext(s.t.Context(), out, method, args...); err != nil {
		s.t.Fatal(err)
	}
}

// Blocks mines so many blocks.
func (s *Sandbox) Blocks(n int) {
	s.t.Helper()
	for range n {
		if err := s.Mine(); err != nil {
			s.t.Fatal(err)
		}
	}
}
