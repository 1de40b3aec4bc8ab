package hsm

import (
	"testing"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
)

func TestALogoutBehindOurBackAsksForThePINAgain(t *testing.T) {
	soft := softhsm.New(t, softhsm.Spec{Label: "behind", Keys: []softhsm.Key{{Label: "both", Curve: jws.Secp256k1, Sign: true, Derive: true}}})
	k := open(t, soft)
	if err := k.Login(t.Context(), PIN{Digits: []byte(soft.PIN)}); err != nil {
		t.Fatal(err)
	}
	key, err := k.Find(t.Context(), URI{Object: "both"}, jws.PublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), make([]byte, 32), nil); err != nil {
		t.Fatal(err)
	}
	// A login belongs to the process: any other code in it can end it.
	session, err := k.module.ctx.OpenSession(k.where(), pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.module.ctx.Logout(session); err != nil {
		t.Fatal(err)
	}
	if err := k.module.ctx.CloseSession(session); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), make([]byte, 32), nil); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("sign: %v, want PIN_REQUIRED", err)
	}
	if !k.State().Locked {
		t.Error("the token is not shown as locked")
	}
	if err := k.Login(t.Context(), PIN{Digits: []byte(soft.PIN)}); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), make([]byte, 32), nil); err != nil {
		t.Errorf("sign after the PIN: %v", err)
	}
}
