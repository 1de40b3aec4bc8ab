//go:build !js

package intent

import (
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
