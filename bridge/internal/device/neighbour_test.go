package device

import (
	"testing"
	"time"

	"countersign/shared/jws"
)

// Another program that uses the same token writes its file when it logs in. SoftHSM
// then cannot read it for a moment, which on a busy machine may be long.
func TestALoginOutlivesThoseOfOtherPrograms(t *testing.T) {
	t.Parallel()
	soft := token(t, "shared", both(jws.Secp256k1))
	ours, theirs := open(t, soft.Module, false), open(t, soft.Module, false)
	unlock(t, ours, soft.Label, soft.PIN)
	key, err := ours.Key(t.Context(), "pkcs11:token="+soft.Label+";object=both")
	if err != nil {
		t.Fatal(err)
	}
	other, err := theirs.Device(t.Context(), "pkcs11:token="+soft.Label)
	if err != nil {
		t.Fatal(err)
	}
	end, n := time.Now().Add(3*time.Second), 0
	for ; time.Now().Before(end); n++ {
		if err := other.Login(t.Context(), []byte(soft.PIN), false); err != nil {
			t.Fatalf("login %d of the other program: %v", n, err)
		}
		if _, err := key.SignDigest(t.Context(), digest); err != nil {
			t.Fatalf("after %d logins of the other program: %v", n, err)
		}
	}
	t.Log(n, "logins")
}
