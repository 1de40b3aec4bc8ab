package buy

import (
	"slices"
	"sync"
	"time"
)

// When what has answered is enough to compare: at the earliest after the floor and when
// the slowest provider that is still awaited usually has answered, and then so much
// later for each that is. shared/spec/providers.md, Settling.
const (
	paceFloor   = 800 * time.Millisecond
	paceCeiling = 2500 * time.Millisecond
	paceStep    = 300 * time.Millisecond
	paceKept    = 32 // answers of a provider
	paceNeeded  = 4  // before they say what is usual
)

// pace is how long a provider takes to answer.
type pace struct {
	mu   sync.Mutex
	last []time.Duration // the oldest first
}

func (p *pace) add(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = append(p.last, d)
	if len(p.last) > paceKept {
		p.last = slices.Delete(p.last, 0, 1)
	}
}

// usual is at most how long nine of ten answers take; 0 while too few are known.
func (p *pace) usual() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.last) < paceNeeded {
		return 0
	}
	sorted := slices.Sorted(slices.Values(p.last))
	return sorted[(len(sorted)*9+9)/10-1]
}

// settles is how long after the question it is settled while these are awaited.
func settles(awaited map[string]*provider) time.Duration {
	at := paceFloor
	for _, s := range awaited {
		at = max(at, s.pace.usual())
	}
	return min(at, paceCeiling) + time.Duration(len(awaited))*paceStep
}
