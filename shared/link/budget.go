package link

import (
	"slices"
	"sync"
	"time"
)

// The responder's limit on handshakes that stop after message 2.
const (
	MaxAbandoned  = 10
	AbandonedTime = time.Minute
)

// Budget limits how many handshakes of a site may begin, not end, and still lead
// to a pairing. A program between page and bridge learns the bridge's code from
// message 2, before the bridge shows anything; without a limit it could begin a
// million handshakes until two codes agree. With this one its chance is 1 in
// 100,000 per minute of trying. A page that is paired needs no code, so it is let
// in whatever strangers do, and no site's handshakes count for another. One Budget
// serves all connections of a bridge; it remembers as many sites as are asked for,
// which are those of the bridge's list.
type Budget struct {
	Now func() time.Time

	mu    sync.Mutex
	spent map[string][]time.Time
}

// Begin is called before [Responder.Accept]. pair says whether this handshake may
// lead to a pairing: when it may not, only a page that is paired already may be
// let in. finished is called when [Responder.Finish] succeeded.
func (b *Budget) Begin(site string) (pair bool, finished func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.Now()
	spent := slices.DeleteFunc(b.spent[site], func(t time.Time) bool {
		age := now.Sub(t)
		return age < 0 || age >= AbandonedTime // a clock that was set back must not lock a peer out
	})
	if pair = len(spent) < MaxAbandoned; pair {
		spent = append(spent, now)
	}
	if b.spent == nil {
		b.spent = map[string][]time.Time{}
	}
	b.spent[site] = spent
	if !pair {
		return false, func() {}
	}
	return true, func() { b.refund(site, now) }
}

func (b *Budget) refund(site string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.spent[site], at.Equal); i >= 0 {
		b.spent[site] = slices.Delete(b.spent[site], i, i+1)
	}
}
