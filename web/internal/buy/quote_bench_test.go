package buy_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"countersign/web/internal/buy"
)

// BenchmarkOverhead measures how much later than the slowest provider's own
// answer the aggregated one is there: the median, in milliseconds. All providers
// answer at the same moment, which is the worst case. `make bench` prints it.
func BenchmarkOverhead(b *testing.B) {
	for _, n := range []int{3, 30} {
		b.Run(fmt.Sprintf("providers=%d", n), func(b *testing.B) {
			var last atomic.Int64 // when the last provider had answered
			var providers []buy.Provider
			for i := range n {
				s := newProvider(b)
				s.set("/quote", func(w http.ResponseWriter, r *http.Request) {
					t := time.NewTimer(20 * time.Millisecond)
					<-t.C
					at := time.Now().UnixNano()
					for old := last.Load(); old < at && !last.CompareAndSwap(old, at); old = last.Load() {
					}
					body(offer)(w, r)
				})
				providers = append(providers, buy.Provider{ID: fmt.Sprintf("p-%d", i), URL: s.URL})
			}
			d := newDesk(b, buy.Config{Providers: providers})
			d.Providers(b.Context())
			var late []float64
			for b.Loop() {
				result, err := d.Quote(b.Context(), input(), false, nil)
				late = append(late, float64(time.Now().UnixNano()-last.Load())/1e6)
				if err != nil || len(result.Quotes) != n {
					b.Fatal(err, result.Excluded)
				}
			}
			slices.Sort(late)
			b.ReportMetric(late[len(late)/2], "overhead-ms")
		})
	}
}
