package approver

import (
	"cmp"
	"context"
	"crypto/rand"
	"testing"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// onToken starts a bridge whose one member's keys are in a SoftHSM token.
func onToken(t testing.TB, curve string) (*rig, *softhsm.Token) {
	t.Helper()
	token := softhsm.New(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
		{Label: "approval", Curve: curve, Sign: true}, {Label: "channel", Curve: curve, Derive: true}}})
	devices, closeDevices, err := unlock.OpenDevices(device.Config{Modules: device.Modules(token.Module)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeDevices(); err != nil {
			t.Errorf("close the modules: %v", err)
		}
	})
	m := &owner{id: "mem_alice", label: "alice"}
	for label, to := range map[string]*keys.Key{"approval": &m.approval, "channel": &m.channel} {
		k, err := devices.Key(t.Context(), "pkcs11:token=alice;object="+label)
		if err != nil {
			t.Fatal(err)
		}
		*to = k
	}
	g := start(t, devices, []*owner{m})
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte(token.PIN), nil }
	return g, token
}

func TestAMemberApprovesWithSoftHSM(t *testing.T) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		t.Run(curve, func(t *testing.T) {
			g, token := onToken(t, curve)
			answers := []string{"00000000", token.PIN}
			g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) {
				pin := answers[0]
				answers = answers[1:]
				return []byte(pin), nil
			}
			b := g.mustConnect()
			l := g.mustOpen(b, "mem_alice")
			if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
				t.Fatal(err)
			}
			if len(answers) != 0 {
				t.Errorf("PINs left: %d", len(answers))
			}
			g.person.answer(decline)
			_, err := l.decide(t.Context(), "req_0002", statement.Approve)
			wantCode(t, "decline", err, fault.Declined)
			var info frame.BridgeInfoResult
			if err := b.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil {
				t.Fatal(err)
			}
			if len(info.Identities) != 1 || !info.Identities[0].Present || info.Identities[0].Locked || info.Identities[0].Curve != curve {
				t.Errorf("identities %+v", info.Identities)
			}
		})
	}
}

func TestASoftHSMTokenPulledWhileReading(t *testing.T) {
	g, token := onToken(t, jws.Secp256k1)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.person.answer(func(context.Context, consent.Question) error { token.Pull(t); return nil })
	_, err := l.decide(t.Context(), "req_0001", statement.Approve)
	switch fault.CodeOf(err) {
	case fault.DeviceRemoved, fault.DeviceMissing, fault.DeviceFailed:
	default:
		t.Errorf("decide: %v", err)
	}
}

// Whoever opens the token without its PIN may put public keys there.
func TestAPlantedPublicKeyNeitherWinsNorStopsAnApproval(t *testing.T) {
	for name, ids := range map[string][]string{"same id": {""}, "another id": {"other"}, "both": {"", "other"}} {
		t.Run(name, func(t *testing.T) {
			g, token := onToken(t, jws.P256)
			for _, label := range []string{"approval", "channel"} {
				for _, id := range ids {
					k, err := keys.NewMemory(jws.P256, rand.Reader)
					if err != nil {
						t.Fatal(err)
					}
					token.Plant(t, softhsm.Planted{Act: softhsm.PlantPublic, Label: label, ID: []byte(cmp.Or(id, label)), Curve: jws.P256, Point: k.PublicKey().Uncompressed()})
				}
			}
			l := g.mustOpen(g.mustConnect(), "mem_alice")
			if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
				t.Fatal(err)
			}
			if _, pins := g.person.questions(); len(pins) != 1 {
				t.Errorf("%d PINs were asked", len(pins))
			}
		})
	}
}
