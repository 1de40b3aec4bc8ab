package sandbox

import (
	"math/big"
	"net/http/httptest"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/asset"
	"countersign/web/internal/chain"
	"countersign/web/internal/sandbox/contract"
	"countersign/web/internal/sandbox/node"
)

func TestAnAddressIsFundedWithEtherAndDollarsOnce(t *testing.T) {
	t.Parallel()
	dir, address := t.TempDir(), common.HexToAddress("0x52908400098527886E0F7030069857D2E4169EE7")
	for range 2 { // and again after a restart
		f, err := openFunds(dir)
		if err != nil {
			t.Fatal(err)
		}
		if f.chain, err = node.Open(node.Config{Dir: dir, Faucet: f.addresses(), Contracts: f.contracts()}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := f.give([]string{address.Hex()}); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.give([]string{"treasury"}); err == nil {
			t.Error("a name was funded")
		}
		h, err := f.chain.Handler()
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewServer(h)
		w, err := chain.New(chain.Config{RPC: s.URL, Chain: asset.Sandbox})
		if err != nil {
			t.Fatal(err)
		}
		head, err := w.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lower := "0x52908400098527886e0f7030069857d2e4169ee7"
		if has, err := w.Balances(t.Context(), head, []string{lower}); err != nil || has[0] != someEther.String() {
			t.Errorf("%v, %v", has, err)
		}
		if has, err := w.Holdings(t.Context(), head, []string{lower}); err != nil || len(has) != 1 || has[0].Asset != dollarID || has[0].Units != someDollars.String() {
			t.Errorf("%v, %v", has, err)
		}
		s.Close()
		w.Close()
		if err := f.chain.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheDollarOfTheTableIsTheContractOfTheChain(t *testing.T) {
	t.Parallel()
	a, ok := asset.On(asset.Sandbox, dollarID)
	if !ok || a.Places != contract.Decimals || a.Seen != asset.ByLogs || dollars().Hex() != a.Contract() {
		t.Errorf("%+v", a)
	}
	if whole := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(a.Places)), nil); new(big.Int).Mod(someDollars, whole).Sign() != 0 {
		t.Errorf("%d is not in whole dollars", someDollars)
	}
}
