// Package party tells the parties apart that ask the gateway something, and
// limits what each may spend: a stranger uses up a budget of their own and nobody
// else's. A party is an entity, a bridge, or, as long as nothing better is known,
// the address of a client as trusted proxies tell it. Spec: shared/spec/wire.md,
// Limits. Users: web/internal/api, gateway and relay.
package party

import (
	"container/list"
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"countersign/shared/fault"
)

// MaxParties is how many parties a budget remembers; of more, those that spent
// nothing for longest are forgotten, which gives them a full budget again.
const MaxParties = 20_000

// Budget is what each party may spend: so many at once, and so many in each
// minute. It is safe for concurrent use.
type Budget struct {
	perMinute int
	now       func() time.Time

	mu     sync.Mutex
	of     map[string]*list.Element
	recent *list.List // of *account; the front spent last
}

type account struct {
	party   string
	limiter *rate.Limiter
	last    time.Time
}

// NewBudget makes a budget of perMinute for each party.
func NewBudget(perMinute int, now func() time.Time) *Budget {
	return &Budget{perMinute: perMinute, now: now, of: map[string]*list.Element{}, recent: list.New()}
}

// Spend takes one from what a party has left. It fails with RATE_LIMITED when
// nothing is, with retry_after in seconds; that costs nothing more.
func (b *Budget) Spend(party string) error {
	_, err := b.Take(party)
	return err
}

// Left is what a party has left of a budget.
type Left struct {
	Limit     int       // in a minute
	Remaining int       // at once
	Reset     time.Time // when it has all of it again, if it spends nothing
}

// Left is what a party has left.
func (b *Budget) Left(party string) Left {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	return b.left(b.limiter(party, now), now)
}

func (b *Budget) left(l *rate.Limiter, now time.Time) Left {
	has := min(l.TokensAt(now), float64(b.perMinute))
	wait := (float64(b.perMinute) - has) * 60 / float64(b.perMinute)
	return Left{b.perMinute, int(max(0, has)), now.Add(time.Duration(math.Ceil(wait)) * time.Second)}
}

// Take is [Budget.Spend] that also says what is left.
func (b *Budget) Take(party string) (Left, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	l := b.limiter(party, now)
	if l.AllowN(now, 1) {
		return b.left(l, now), nil
	}
	wait := (1 - l.TokensAt(now)) * 60 / float64(b.perMinute)
	return b.left(l, now), fault.New(fault.Limited, "too many at once: wait a moment and try again").
		With("retry_after", strconv.Itoa(int(max(1, math.Ceil(wait)))))
}

// limiter is a party's own. b.mu is held.
func (b *Budget) limiter(party string, now time.Time) *rate.Limiter {
	e := b.of[party]
	if e != nil && now.Before(e.Value.(*account).last) { // a clock that was set back fills the budget
		b.recent.Remove(e)
		e = nil
	}
	if e == nil {
		if b.recent.Len() >= MaxParties {
			delete(b.of, b.recent.Remove(b.recent.Back()).(*account).party)
		}
		e = b.recent.PushFront(&account{party: party, limiter: rate.NewLimiter(rate.Limit(float64(b.perMinute)/60), b.perMinute)})
		b.of[party] = e
	}
	b.recent.MoveToFront(e)
	a := e.Value.(*account)
	a.last = now
	return a.limiter
}

// Known are parties that proved something, the latest MaxParties of them. It is
// safe for concurrent use.
type Known struct {
	mu     sync.Mutex
	of     map[string]*list.Element
	recent *list.List // of string
}

// Add remembers a party.
func (k *Known) Add(party string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of, k.recent = map[string]*list.Element{}, list.New()
	}
	if e := k.of[party]; e != nil {
		k.recent.MoveToFront(e)
		return
	}
	if k.recent.Len() >= MaxParties {
		delete(k.of, k.recent.Remove(k.recent.Back()).(string))
	}
	k.of[party] = k.recent.PushFront(party)
}

// Has reports whether a party is remembered.
func (k *Known) Has(party string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[party] != nil
}
