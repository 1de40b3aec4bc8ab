package fault_test

import (
	"testing"

	"countersign/softhsm"
)

func TestATokenWithoutFaultsWorks(t *testing.T) {
	f := softhsm.NewFaulty(t, spec("sound"))
	d := use(t, f)
	for _, label := range []string{"k1", "r1"} {
		signature, err := d.sign(label)
		if err != nil {
			t.Fatal(err)
		}
		if len(signature) != 64 || !d.verifies(label, signature) {
			t.Errorf("%s: the signature is %x", label, signature)
		}
		if err := d.derive(f, label); err != nil {
			t.Errorf("%s: derive: %v", label, err)
		}
	}
	if n := f.Calls("C_Sign"); n != 2 {
		t.Errorf("%d calls of C_Sign, want 2", n)
	}
}
