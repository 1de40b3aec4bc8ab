package journal

import (
	"testing"
	"time"
)

// A site that is refused again and again does not fill the disk.
func TestRefusalsAreJournaledOnceAMinuteWithTheirCount(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var lines []Event
	r := NewRefusals(func() time.Time { return now }, func(e Event) { lines = append(lines, e) })
	busy := Event{Kind: Refused, Origin: "http://127.0.0.1:8080", Code: "BUSY"}
	for range 100 {
		r.add(busy)
	}
	r.add(Event{Kind: Limited, Origin: "http://127.0.0.1:8080", Code: "RATE_LIMITED"})
	if len(lines) != 2 || lines[0].Count != 0 {
		t.Fatalf("at once: %+v", lines)
	}
	r.Flush(false)
	start := now
	now = start.Add(RefusalsEvery)
	r.Flush(false)
	if len(lines) != 3 || lines[2].Count != 99 || lines[2].Code != "BUSY" {
		t.Errorf("after a minute: %+v", lines)
	}
	r.add(busy)
	r.add(busy)
	now = start.Add(3 * RefusalsEvery)
	r.add(busy)
	if len(lines) != 6 || lines[4].Count != 1 || lines[5].Count != 0 {
		t.Errorf("later: %+v", lines)
	}
	now = start.Add(-time.Hour)
	r.add(busy)
	if len(lines) != 7 {
		t.Errorf("after the clock was set back: %+v", lines)
	}
}
