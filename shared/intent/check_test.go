//go:build !js

package intent

import (
	"errors"
	"strings"
	"testing"

	"countersign/shared/field"
)

// The page leaves the check of EIP-55 to the signer and the bridge.
func TestATransferGoesToAnAddressWhoseCheckHolds(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Transfer){
		"a changed digit":              func(t *Transfer) { t.To.Address = "0x52908400098527886E0F7030069857D2E4169EE8" },
		"an address without its check": func(t *Transfer) { t.To.Address = strings.ToLower(t.To.Address) },
	} {
		x := sampleTransfer()
		change(&x)
		err := x.CheckNow()
		if p, _ := err.(*field.Problem); p == nil || p.Field != "to.address" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of two fields that are wrong the first is named, each time.
func TestTheFieldToBlameIsTheFirst(t *testing.T) {
	t.Parallel()
	keys := opened[VaultRotateKeys](rotateDoc)
	keys.Thumbprint, keys.Before = "x", "y"
	driver := Driver{Token: "HSM", Approval: "x", Channel: "y"}
	for range 50 {
		var p *field.Problem
		if err := keys.CheckFields(); !errors.As(err, &p) || p.Field != "thumbprint" {
			t.Fatal(err)
		}
		var c field.Checks
		if driver.Check(&c, "driver"); c.Problem == nil || c.Problem.Field != "driver.approval" {
			t.Fatal(c.Problem)
		}
	}
	keys.Accounts = make([]NewAddress, MaxAccounts+1)
	if err := keys.CheckFields(); err == nil || !strings.Contains(err.Error(), "must be 1 to 64 accounts") {
		t.Error(err)
	}
}
