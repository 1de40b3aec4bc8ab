package signer

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"countersign/bridge/internal/fold"
	"countersign/shared/fault"
	"countersign/shared/vault"
)

// Limits bound what one entity may ask for: each request takes a key of the vault
// and two entries of its log.
type Limits struct {
	Open      int `json:"open"`       // requests without an outcome; 0: 500
	PerMinute int `json:"per_minute"` // new requests, and as many at once; 0: 30
}

// The defaults of [Limits], and their largest values.
const (
	defaultOpen      = 500
	defaultPerMinute = 30
	mostOpen         = 10_000
	mostPerMinute    = 10_000
)

// signaturesPerMinute is how many transactions are begun at most, and as many at once: each
// takes two entries of the log, and two signatures of the HSM.
const signaturesPerMinute = 120

// check fails with INVALID_REQUEST for a limit that is out of range.
func (l Limits) check() error {
	for field, n := range map[string][2]int{"limits.open": {l.Open, mostOpen}, "limits.per_minute": {l.PerMinute, mostPerMinute}} {
		if n[0] < 0 || n[0] > n[1] {
			return fault.New(fault.Invalid, fmt.Sprintf("%s must be 1 to %d", field, n[1])).With("field", field)
		}
	}
	return nil
}

// limiter holds an entity to its limits.
type limiter struct {
	open       int
	rate       *rate.Limiter // of requests
	signatures *rate.Limiter // of transactions
}

func newLimiter(l Limits) limiter {
	perMinute := cmp.Or(l.PerMinute, defaultPerMinute)
	return limiter{cmp.Or(l.Open, defaultOpen), perMinuteAtMost(perMinute), perMinuteAtMost(signaturesPerMinute)}
}

func perMinuteAtMost(n int) *rate.Limiter { return rate.NewLimiter(rate.Limit(float64(n)/60), n) }

// room fails with RATE_LIMITED when too many requests are open; retry_after is when
// the first of them ends.
func (l limiter) room(open map[string]*vault.Request, now time.Time) error {
	if len(open) < l.open {
		return nil
	}
	first := int64(math.MaxInt64)
	for _, r := range open {
		first = min(first, r.Expires)
	}
	return limited(fold.Count(len(open), "request waits", "requests wait")+" for a decision, and more are not taken: let members decide",
		time.Duration(first-now.Unix())*time.Second)
}

// charge takes one new request from the rate, or fails with RATE_LIMITED. now is the
// steady time.
func (l limiter) charge(now time.Time) error {
	return take(l.rate, now, "too many requests were made just now")
}

// begins takes one transaction that is to be signed from the rate, as charge does.
func (l limiter) begins(now time.Time) error {
	return take(l.signatures, now, "too many transactions were signed just now")
}

func take(from *rate.Limiter, now time.Time, why string) error {
	r := from.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	return limited(why, wait)
}

func limited(why string, wait time.Duration) error {
	seconds := max(1, int64(math.Ceil(wait.Seconds())))
	return fault.New(fault.Limited, why).With("retry_after", strconv.FormatInt(seconds, 10))
}
