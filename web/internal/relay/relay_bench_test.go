package relay

import (
	"runtime"
	"testing"

	"github.com/gorilla/websocket"
)

// BenchmarkRoundTrip is a message of a page and its answer through the gateway,
// on one computer: what the relay adds to the network's own time.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{512, 32 << 10} {
		b.Run(map[int]string{512: "512B", 32 << 10: "32KB"}[size], func(b *testing.B) {
			g := newRig(b, 0)
			br := g.bridge()
			page := g.page(br.name)
			stream := br.next()
			go func() {
				for {
					kind, data, err := stream.ReadMessage()
					if err != nil || stream.WriteMessage(kind, data) != nil {
						return
					}
				}
			}()
			message := make([]byte, size)
			b.SetBytes(int64(2 * size))
			for b.Loop() {
				if err := page.WriteMessage(websocket.BinaryMessage, message); err != nil {
					b.Fatal(err)
				}
				if _, _, err := page.ReadMessage(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWaitingBridges is the memory of a bridge that waits, both ends of its
// connection included.
func BenchmarkWaitingBridges(b *testing.B) {
	g := newRig(b, 0)
	before := inUse()
	n := 0
	for b.Loop() {
		g.bridge()
		n++
	}
	b.ReportMetric(float64(inUse()-before)/float64(n), "B/bridge")
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
