package approver

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/guard"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm/e2e/page"
)

// BenchmarkPages is a bridge with as many pages as it admits, which ask and are
// answered.
//
//	frames/s   frames of all pages in a second, asked and answered
//	page-KB    what a page that is connected takes of the heap, both ends
//	prompt-µs  from the person's yes to the signature at the page, at the median,
//	           with keys in memory: what the bridge adds to the token's own time
func BenchmarkPages(b *testing.B) {
	g := newRig(b)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := g.mustConnect()
	before := heap()
	pages := []*page.Bridge{first}
	for len(pages) < guard.MaxConnections {
		pages = append(pages, g.another())
	}
	perPage := float64(heap()-before) / float64(len(pages)-1) / 1024

	l := g.mustOpen(first, "mem_alice")
	var answered time.Time
	g.person.answer(func(context.Context, consent.Question) error { answered = time.Now(); return nil })
	var took []time.Duration
	var frames []float64
	const calls = 200
	for b.Loop() {
		var all sync.WaitGroup
		start := time.Now()
		for _, p := range pages {
			all.Go(func() {
				var info frame.BridgeInfoResult
				for range calls {
					if err := p.Call(b.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		frames = append(frames, float64(2*calls*len(pages))/time.Since(start).Seconds())
		for range 8 {
			approval, record, err := l.prepare("req_0001", statement.Approve)
			if err != nil {
				b.Fatal(err)
			}
			var decided frame.ApprovalDecideResult
			if err := first.Call(b.Context(), frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approval, Record: record}, &decided); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(answered))
			if err := first.Call(b.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: approval}, &frame.ApprovalCancelResult{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	if l.member.approval.PublicKey().Curve() != jws.Secp256k1 {
		b.Fatal("another curve than the goal is for")
	}
	b.ReportMetric(median(frames), "frames/s")
	b.ReportMetric(perPage, "page-KB")
	b.ReportMetric(micros(median(took)), "prompt-µs")
}
