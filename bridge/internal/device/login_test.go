package device

import (
	"fmt"
	"testing"
	"time"

	"countersign/shared/fault"
	faults "countersign/softhsm/fault"
)

// What network HSMs answer after they came back, until sessions are opened again
// (Pkcs11Interop#214, hyperledger/fabric#1022, Nitrokey/nethsm-pkcs11#156).
func TestWhatANetworkHSMAnswersAfterItCameBackIsRecoveredFrom(t *testing.T) {
	for _, function := range []string{"C_SignInit", "C_Sign", "C_FindObjectsInit", "C_OpenSession", "C_GetSessionInfo", "C_GetTokenInfo"} {
		t.Run(function, func(t *testing.T) {
			b := faulty(t, 3*time.Second)
			for _, code := range []uint{0x190, 0xb3, 0x30, 0x06, 0xe0, 0xb0} {
				t.Run(fmt.Sprintf("0x%x", code), func(t *testing.T) {
					b.Set(faults.Fail(function, code).Times(4), faults.Logout())
					eventually(t, func() error {
						_, err := b.sign(t)
						if fault.CodeOf(err) != fault.PINRequired {
							return err
						}
						if err := b.device.Login(t.Context(), []byte(b.Token.PIN), false); err != nil {
							return err
						}
						_, err = b.sign(t)
						return err
					})
				})
			}
		})
	}
}

// SoftHSMv2#228, #552: CKR_USER_ALREADY_LOGGED_IN is not a failure.
func TestAlreadyLoggedInIsNotAFailure(t *testing.T) {
	b := faulty(t, 3*time.Second)
	b.Set(faults.Fail("C_Login", 0x100).Times(1).Late())
	if err := b.device.Login(t.Context(), []byte(b.Token.PIN), false); err != nil {
		t.Error(err)
	}
	b.works(t)
}

// OpenSC#596, tpm2-pkcs11#844: the token forgot the login, and nobody told.
func TestWhatIsLookedForAfterALogoutWantsThePIN(t *testing.T) {
	b := faulty(t, 3*time.Second)
	for name, look := range map[string]func() error{
		"a key":            func() error { _, err := b.devices.Key(t.Context(), "pkcs11:object=both"); return err },
		"a private key":    func() error { _, err := b.devices.Key(t.Context(), "pkcs11:object=both;type=private"); return err },
		"a key's pair":     func() error { _, _, err := b.device.Pairs(t.Context(), "both"); return err },
		"the list of keys": func() error { _, err := b.device.Keys(t.Context()); return err },
		"data":             func() error { _, err := b.device.Data(t.Context(), "none"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			b.Set(faults.Logout())
			wantFault(t, look(), fault.PINRequired, nil)
			if !b.device.State(t.Context()).Locked {
				t.Error("it counts as unlocked")
			}
			if err := b.device.Login(t.Context(), []byte(b.Token.PIN), false); err != nil {
				t.Fatal(err)
			}
			if err := look(); err != nil {
				t.Errorf("after the PIN: %v", err)
			}
		})
	}
}
