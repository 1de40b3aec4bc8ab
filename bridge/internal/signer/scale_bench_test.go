package signer

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// median of what was measured, which is then in order.
func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// ms is a time in milliseconds.
func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// BenchmarkStart compares the start on a log of 1,000,000 entries with one of 10,000. As
// many entries are behind the newest checkpoint of both, which a start verifies.
func BenchmarkStart(b *testing.B) {
	const full = DefaultSegment + 1
	const behind = 10_000 % full
	short, long := newAgedRig(b, history{segments: 10_000 / full}), newAgedRig(b, history{segments: 1_000_000 / full})
	for _, g := range []*rig{short, long} {
		g.live(behind)
	}
	var few, many, ratio []float64
	for b.Loop() {
		a, c := started(short), started(long)
		few, many, ratio = append(few, ms(a)), append(many, ms(c)), append(ratio, c.Seconds()/a.Seconds())
	}
	if size := long.service.Status().Log.Size; size < 1_000_000 {
		b.Errorf("the long log has %d entries", size)
	}
	b.ReportMetric(median(few), "short-ms")
	b.ReportMetric(median(many), "long-ms")
	b.ReportMetric(median(ratio), "ratio")
	long.live(DefaultSegment - behind - perRequest)
	var most []float64
	for range 3 {
		most = append(most, ms(started(long)))
	}
	b.ReportMetric(median(most), "full-ms")
}

// started restarts a rig, and says how long it took to open the log.
func started(g *rig) time.Duration {
	g.t.Helper()
	g.stop()
	began := time.Now()
	g.start()
	took := time.Since(began)
	if g.said.Len() > 0 {
		g.t.Fatalf("the start said %s", &g.said)
	}
	return took
}

// BenchmarkClosed compares the memory of a signer with 1,000,000 closed requests with that
// of one with 10,000: all that the process holds.
func BenchmarkClosed(b *testing.B) {
	for b.Loop() {
		few, many := held(b, 10_000), held(b, 1_000_000)
		b.ReportMetric(few/1e6, "few-MB")
		b.ReportMetric(many/1e6, "many-MB")
		b.ReportMetric(many/few, "ratio")
	}
}

// held is what a process holds, in bytes, whose signer has n closed requests.
func held(b *testing.B, n int) float64 {
	b.Helper()
	g := newAgedRig(b, history{segments: n*perRequest/(DefaultSegment+1) + 1})
	g.restart()
	g.live(20)
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.service = nil // or it is held while the next one is measured
	return float64(m.HeapAlloc)
}

// BenchmarkVelocity compares a request under a velocity rule with 100,000 earlier ones
// that still count with one with 100: from the call to the answer, with keys in memory
// and the log on the disk.
func BenchmarkVelocity(b *testing.B) {
	few, many := newAgedRig(b, history{1, 100}), newAgedRig(b, history{100_000*perRequest/(DefaultSegment+1) + 1, 100_000})
	var short, long []float64
	for b.Loop() {
		for g, all := range map[*rig]*[]float64{few: &short, many: &long} {
			name := newRequestID(b)
			began := time.Now()
			g.request(name)
			*all = append(*all, ms(time.Since(began)))
		}
	}
	b.ReportMetric(median(short), "few-ms")
	b.ReportMetric(median(long), "many-ms")
	b.ReportMetric(median(long)/median(short), "ratio")
}
