package sendtest_test

import (
	"math/big"
	"net"
	"net/http"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"countersign/shared/asset"
	"countersign/web/internal/chain/sendtest"
	"countersign/web/internal/sandbox/node"
)

func TestSendingOnTheSandboxChain(t *testing.T) {
	t.Parallel()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var n *node.Node
	var s *http.Server
	address := "127.0.0.1:0"
	up := func(t *testing.T) {
		t.Helper()
		var err error
		if n, err = node.Open(node.Config{Dir: dir, Faucet: []common.Address{crypto.PubkeyToAddress(key.PublicKey)}}); err != nil {
			t.Fatal(err)
		}
		h, err := n.Handler()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		address, s = l.Addr().String(), &http.Server{Handler: h}
		go func(s *http.Server) { _ = s.Serve(l) }(s)
	}
	down := func(t *testing.T) {
		t.Helper()
		s.Close()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	up(t)
	t.Cleanup(func() { down(t) })
	sendtest.Run(t, sendtest.Chain{
		URL: "http://" + address, ID: asset.Sandbox, Up: up, Down: down,
		Fund: func(t *testing.T, to common.Address, wei *big.Int) {
			t.Helper()
			if _, err := n.Transfer(key, to, wei); err != nil {
				t.Fatal(err)
			}
		},
	})
}
