package approver

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/keys"
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
	devices, closeDevices, err := OpenDevices(t.Context(), []string{token.Module}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeDevices(); err != nil {
			t.Errorf("close the modules: %v", err)
		}
	})
	m := &member{id: "mem_alice", label: "alice"}
	for label, to := range map[string]*keys.Key{"approval": &m.approval, "channel": &m.channel} {
		k, err := devices.Key(t.Context(), "pkcs11:token=alice;object="+label)
		if err != nil {
			t.Fatal(err)
		}
		*to = k
	}
	g := start(t, devices, []*member{m})
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

// BenchmarkApproverSign measures signatures through page-side protocol, link,
// bridge and SoftHSM, consent answered by a program, on one open channel, beside
// direct PKCS#11 calls on the same token. `make bench` prints the ratio.
func BenchmarkApproverSign(b *testing.B) {
	g, token := onToken(b, jws.Secp256k1)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	b.Run("bridge-1", func(b *testing.B) { l.measure(b, 1) })
	b.Run("bridge-16", func(b *testing.B) { l.measure(b, 16) })
	direct, done := directSigners(b, token, 16)
	defer done()
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("direct-%d", n), func(b *testing.B) {
			began := time.Now()
			took := share(b, b.N, n, func(worker, _ int) error { return direct(worker) })
			report(b, took, time.Since(began))
		})
	}
}

// measure times the calls that sign. Statements are fetched beforehand, as many
// as one connection may have on their way.
func (l *line) measure(b *testing.B, n int) {
	type job struct {
		approval string
		record   frame.Record
	}
	var took []time.Duration
	var busy time.Duration
	for left := b.N; left > 0; {
		jobs := make([]job, min(left, maxApprovals/2))
		left -= len(jobs)
		for i := range jobs {
			var err error
			if jobs[i].approval, jobs[i].record, err = l.prepare("req_0001", statement.Approve); err != nil {
				b.Fatal(err)
			}
		}
		began := time.Now()
		took = append(took, share(b, len(jobs), n, func(_, i int) error {
			var decided frame.ApprovalDecideResult
			return l.bridge.Call(b.Context(), frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: jobs[i].approval, Record: jobs[i].record}, &decided)
		})...)
		busy += time.Since(began)
		for _, j := range jobs {
			if err := l.bridge.Call(b.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: j.approval}, &frame.ApprovalCancelResult{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	report(b, took, busy)
}

// share does n calls on some workers and returns how long each took.
func share(b *testing.B, n, workers int, do func(worker, i int) error) []time.Duration {
	var next atomic.Int64
	var all sync.WaitGroup
	took := make([]time.Duration, n)
	for w := range workers {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				began := time.Now()
				if err := do(w, i); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	return took
}

func report(b *testing.B, took []time.Duration, busy time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/busy.Seconds(), "sign/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(0, "ns/op") // it would count the fetching
}

// directSigners are bare sessions on the token that the bridge has logged in.
func directSigners(b *testing.B, token *softhsm.Token, n int) (sign func(worker int) error, done func()) {
	b.Helper()
	p := pkcs11.New(token.Module)
	var err error
	if p == nil {
		err = fmt.Errorf("load %s", token.Module)
	}
	check := func(e error) {
		if e != nil {
			b.Fatal(e)
		}
	}
	check(err)
	slots, err := p.GetSlotList(true)
	check(err)
	slot, found := uint(0), false
	for _, s := range slots {
		if info, err := p.GetTokenInfo(s); err == nil && info.Label == "alice" {
			slot, found = s, true
		}
	}
	if !found {
		b.Fatal("the token is not there")
	}
	sessions, handles := make([]pkcs11.SessionHandle, n), make([]pkcs11.ObjectHandle, n)
	for i := range n {
		sessions[i], err = p.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
		check(err)
		check(p.FindObjectsInit(sessions[i], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_LABEL, "approval")}))
		objects, _, err := p.FindObjects(sessions[i], 1)
		check(err)
		check(p.FindObjectsFinal(sessions[i]))
		if len(objects) != 1 {
			b.Fatal("the key is not there")
		}
		handles[i] = objects[0]
	}
	digest := sha256.Sum256([]byte("statement"))
	return func(w int) error {
			if err := p.SignInit(sessions[w], []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, handles[w]); err != nil {
				return err
			}
			_, err := p.Sign(sessions[w], digest[:])
			return err
		}, func() {
			for _, s := range sessions {
				_ = p.CloseSession(s) // the token goes with the benchmark
			}
		}
}
