package approver

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/journal"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// BenchmarkApproverSign compares signing through page-side protocol, link, bridge
// and SoftHSM, consent answered by a program, on one open channel, with bare
// PKCS#11 calls on the same token whose signatures are verified with the same library,
// as the bridge must. An operation is a round of a few signatures in each way, turn by
// turn, so that what else the machine does falls on both; what is reported are medians.
// `make bench` prints them.
//
//	sign-16/s    signatures a second of 16 approvals at once, through the bridge
//	direct-16/s  the same in bare sessions, one for each of 16 goroutines
//	ratio-16     the median of the rounds' ratios of these two
//	sign-1-µs    one after the other, through the bridge
//	direct-1-µs  the same in one bare session
//	sync-µs      a line in a journal until it is on the disk: each approval waits for one
//	added-µs     what the bridge adds to one, without that
func BenchmarkApproverSign(b *testing.B) {
	g, token := onToken(b, jws.Secp256k1)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	direct, done := directSigners(b, token, 16)
	defer done()
	digest := sha256.Sum256([]byte("statement"))
	sig, err := l.member.approval.SignDigest(b.Context(), digest[:])
	if err != nil {
		b.Fatal(err)
	}
	verified := func(worker int) error {
		if err := direct(worker); err != nil {
			return err
		}
		return l.member.approval.PublicKey().Verify(digest[:], sig)
	}
	lines, err := journal.Open(journal.Config{Path: filepath.Join(b.TempDir(), "journal"), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer lines.Close()
	line := journal.Event{Kind: journal.Approved, Entity: "ent_acme", Member: "mem_alice", Device: "alice", Request: "req_0001", Decision: statement.Approve}
	var through, beside, ratio []float64
	var one, oneDirect, sync []time.Duration
	l.decideMany(b, 32, 16) // warm
	for b.Loop() {
		_, bridge16 := l.decideMany(b, 96, 16)
		_, direct16 := share(b, 192, 16, verified)
		took, _ := l.decideMany(b, 24, 1)
		one = append(one, took...)
		took, _ = share(b, 48, 1, verified)
		oneDirect = append(oneDirect, took...)
		took, _ = share(b, 24, 1, func(int) error { return lines.Append(line) })
		sync = append(sync, took...)
		through, beside, ratio = append(through, bridge16), append(beside, direct16), append(ratio, bridge16/direct16)
	}
	b.ReportMetric(median(through), "sign-16/s")
	b.ReportMetric(median(beside), "direct-16/s")
	b.ReportMetric(median(ratio), "ratio-16")
	b.ReportMetric(micros(median(one)), "sign-1-µs")
	b.ReportMetric(micros(median(oneDirect)), "direct-1-µs")
	b.ReportMetric(micros(median(sync)), "sync-µs")
	b.ReportMetric(micros(median(one)-median(oneDirect)-median(sync)), "added-µs")
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func median[T float64 | time.Duration](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// decideMany times the calls that sign, from some goroutines. The statements are
// fetched beforehand: n is at most what one connection may have on its way.
func (l *line) decideMany(b *testing.B, n, workers int) (took []time.Duration, perSecond float64) {
	b.Helper()
	approvals, records := make([]string, n), make([]frame.Record, n)
	for i := range n {
		var err error
		if approvals[i], records[i], err = l.prepare("req_0001", statement.Approve); err != nil {
			b.Fatal(err)
		}
	}
	next := new(atomic.Int64)
	took, perSecond = share(b, n, workers, func(int) error {
		i := next.Add(1) - 1
		var decided frame.ApprovalDecideResult
		return l.bridge.Call(b.Context(), frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approvals[i], Record: records[i]}, &decided)
	})
	for _, id := range approvals {
		if err := l.bridge.Call(b.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: id}, &frame.ApprovalCancelResult{}); err != nil {
			b.Fatal(err)
		}
	}
	return took, perSecond
}

// share does n calls from some goroutines and returns how long each took, and
// how many there were a second.
func share(b *testing.B, n, workers int, do func(worker int) error) (took []time.Duration, perSecond float64) {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	took = make([]time.Duration, n)
	start := time.Now()
	for w := range workers {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				began := time.Now()
				if err := do(w); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	return took, float64(n) / time.Since(start).Seconds()
}

// directSigners are bare sessions on the same token, in this process. The bridge
// has the module in another.
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
	check(p.Initialize())
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
		if i == 0 {
			check(p.Login(sessions[i], pkcs11.CKU_USER, token.PIN))
		}
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
			check(p.Finalize())
			p.Destroy()
		}
}
