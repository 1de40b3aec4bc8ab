package signer

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// vaultToken is a throw-away vault token and the configuration that names it.
func vaultToken(t testing.TB) Config {
	t.Helper()
	token := softhsm.New(t, softhsm.Spec{Label: "vault"})
	dir := t.TempDir()
	pin := filepath.Join(dir, "pin")
	if err := os.WriteFile(pin, []byte(token.PIN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Config{
		Socket: filepath.Join(dir, "s.sock"), Module: token.Module, Token: "pkcs11:token=vault", PINFile: pin,
		StateDir: filepath.Join(dir, "state"),
	}
}

// The test is not parallel: SoftHSM has one configuration in a process.
func TestTheStoryOnAVaultInSoftHSM(t *testing.T) {
	cfg := vaultToken(t)
	story(t, cfg, openHSM)

	if err := os.Remove(filepath.Join(cfg.StateDir, "log.jws")); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), cfg, Stdio{Out: os.Stderr, Err: os.Stderr})
	if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "0" {
		t.Errorf("a log that is gone: %v", err)
	}
	if err := os.Chmod(cfg.PINFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), cfg, Stdio{Out: os.Stderr, Err: os.Stderr}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a PIN file that all may read: %v", err)
	}
}

// benchRig is a rig whose vault is in SoftHSM, or in memory.
func benchRig(b *testing.B, inToken bool) *rig {
	if !inToken {
		return newRig(b, twoOfThree())
	}
	cfg := vaultToken(b)
	v, done, err := openHSM(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := done(); err != nil {
			b.Error(err)
		}
	})
	return newRigOn(b, twoOfThree(), v)
}

// BenchmarkApproval measures a full approval, and its parts: the vault in memory
// and in SoftHSM. The member's keys are in memory: the member's token is
// measured with the bridge.
func BenchmarkApproval(b *testing.B) {
	for name, inToken := range map[string]bool{"memory": false, "softhsm": true} {
		b.Run(name, func(b *testing.B) {
			g := benchRig(b, inToken)
			var handshake, serve, sign, submit time.Duration
			n := 0
			for b.Loop() {
				b.StopTimer()
				id, err := newID("req", nil)
				if err != nil {
					b.Fatal(err)
				}
				g.request(id)
				b.StartTimer()
				t0 := time.Now()
				l := mustConnect(b, g, "mem_alice")
				t1 := time.Now()
				data, ferr := l.statement(id, statement.Approve)
				if ferr != nil {
					b.Fatal(ferr)
				}
				t2 := time.Now()
				token, err := jws.Sign(context.Background(), l.who.approval, statement.TypApproval, data)
				if err != nil {
					b.Fatal(err)
				}
				t3 := time.Now()
				if _, ferr := l.submit(token); ferr != nil {
					b.Fatal(ferr)
				}
				t4 := time.Now()
				handshake, serve, sign, submit, n = handshake+t1.Sub(t0), serve+t2.Sub(t1), sign+t3.Sub(t2), submit+t4.Sub(t3), n+1
			}
			for part, d := range map[string]time.Duration{"handshake": handshake, "statement": serve, "sign": sign, "submit": submit} {
				b.ReportMetric(float64(d.Microseconds())/float64(n), part+"-µs/op")
			}
			b.ReportMetric(float64(n)/(handshake+serve+sign+submit).Seconds(), "approvals/s")
		})
	}
}
