package signer

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"countersign/bridge/internal/device"
	"countersign/shared/id"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// tokenRig is a rig whose vault and whose Alice are in SoftHSM tokens.
func tokenRig(b *testing.B) *rig {
	b.Helper()
	vault := softhsm.New(b, softhsm.Spec{Label: "vault"})
	alice := softhsm.New(b, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
		{Label: "approval", Curve: jws.Secp256k1, Sign: true}, {Label: "channel", Curve: jws.Secp256k1, Derive: true}}})
	pin := filepath.Join(b.TempDir(), "pin")
	if err := os.WriteFile(pin, []byte(vault.PIN), 0o600); err != nil {
		b.Fatal(err)
	}
	v, done, err := openHSM(b.Context(), Config{Module: vault.Module, Token: "pkcs11:token=vault", PINFile: pin}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := done(); err != nil {
			b.Error(err)
		}
	})
	tokens := v.(*hsmVault).devices // a process has one user of the module
	return newRigOn(b, twoOfThree(), v, &person{id: "mem_alice", name: "Alice",
		approval: tokenKey(b, tokens, alice, "approval"), chn: tokenKey(b, tokens, alice, "channel")})
}

func tokenKey(b *testing.B, tokens *device.Devices, token *softhsm.Token, label string) *memKey {
	b.Helper()
	t, err := tokens.Device(b.Context(), "pkcs11:token="+token.Label)
	if err != nil {
		b.Fatal(err)
	}
	if t.State(b.Context()).Locked {
		if err := t.Login(b.Context(), []byte(token.PIN), false); err != nil {
			b.Fatal(err)
		}
	}
	k, err := tokens.Key(b.Context(), "pkcs11:token="+token.Label+";object="+label)
	if err != nil {
		b.Fatal(err)
	}
	return &memKey{k, k.PublicKey()}
}

// BenchmarkApproval measures a full approval and its parts, one after another,
// with the member's keys and the vault's in SoftHSM or all in memory: the channel
// is opened, the statement served, signed, verified and appended to the log.
// What is reported are medians; `make bench` prints those of SoftHSM.
func BenchmarkApproval(b *testing.B) {
	for name, rig := range map[string]func(*testing.B) *rig{
		"memory": func(b *testing.B) *rig { return newRig(b, twoOfThree()) }, "softhsm": tokenRig,
	} {
		b.Run(name, func(b *testing.B) {
			g := rig(b)
			parts := map[string][]float64{}
			for b.Loop() {
				b.StopTimer()
				name, err := id.New(rand.Reader, id.Request)
				if err != nil {
					b.Fatal(err)
				}
				g.request(name)
				b.StartTimer()
				began := time.Now()
				last := began
				lap := func(part string) {
					now := time.Now()
					parts[part] = append(parts[part], now.Sub(last).Seconds()*1e6)
					last = now
				}
				l := mustConnect(b, g, "mem_alice")
				lap("handshake-µs")
				data, ferr := l.statement(name, statement.Approve)
				if ferr != nil {
					b.Fatal(ferr)
				}
				lap("statement-µs")
				token := l.sign(data)
				lap("sign-µs")
				if _, ferr := l.submit(token); ferr != nil {
					b.Fatal(ferr)
				}
				lap("submit-µs")
				parts["approvals/s"] = append(parts["approvals/s"], 1/last.Sub(began).Seconds())
			}
			for part, all := range parts {
				slices.Sort(all)
				b.ReportMetric(all[len(all)/2], part)
			}
		})
	}
}
