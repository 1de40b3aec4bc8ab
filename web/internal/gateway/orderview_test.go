package gateway_test

import (
	"strings"
	"testing"

	"countersign/shared/intent/intenttest"
)

func TestADepositsAddressIsAsTheSignerWroteIt(t *testing.T) {
	t.Parallel()
	w, r, o := ordered(t, 1)
	own := account(t, w).Address
	for _, to := range []string{o.Address, own} {
		if to == strings.ToLower(to) {
			t.Fatalf("the signer writes %s without upper case", to)
		}
		w.Chain.Deposit(strings.ToLower(to), "0.01")
	}
	w.Scan()
	got := map[string]bool{}
	for _, d := range append(account(t, w).Deposits, order(t, w, o).Deposits...) {
		got[d.Address] = true
	}
	if len(got) != 2 || !got[own] || !got[intenttest.Buy(r.Intent).Address] {
		t.Errorf("deposits at %v, want %s and %s", got, own, intenttest.Buy(r.Intent).Address)
	}
}
