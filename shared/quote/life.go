package quote

import "time"

// Policy of a quote's life, from shared/spec/providers.md.
const (
	Life         = 30 * time.Second // at most, from when the answer arrived
	RequoteAfter = 10 * time.Second // a chosen quote older than this is asked for again
	WarnBefore   = 20 * time.Second // the page warns this long before the end (WCAG 2.2.1)
)

// Expiry is when a quote received at the given time runs out: the provider's
// own time if it gave one, and not later than life (0 means [Life]) from now.
func Expiry(received, provider time.Time, life time.Duration) time.Time {
	if life <= 0 {
		life = Life
	}
	end := received.Add(life)
	if !provider.IsZero() && provider.Before(end) {
		return provider
	}
	return end
}

// Remaining is how long the quote is still good for at the server's time now;
// never negative.
func (r Row) Remaining(now time.Time) time.Duration { return max(0, r.ExpiresAt.Sub(now)) }

// Expired reports whether the quote has run out at the server's time now.
func (r Row) Expired(now time.Time) bool { return !now.Before(r.ExpiresAt) }

// Clock turns the local clock into the server's: it remembers by how much they
// differ. The zero value trusts the local clock.
type Clock struct{ ahead time.Duration }

// NewClock compares the server's time, as an answer carried it, with the local
// times just before the question and just after the answer.
func NewClock(server, asked, answered time.Time) Clock {
	return Clock{ahead: server.Sub(asked.Add(answered.Sub(asked) / 2))}
}

// At is the server's time when the local clock shows local.
func (c Clock) At(local time.Time) time.Time { return local.Add(c.ahead) }
