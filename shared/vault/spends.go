package vault

import (
	"slices"
	"sort"
	"time"

	"countersign/shared/amount"
	"countersign/shared/governance"
)

// spends are the approved requests of an account in the currency of one window, kept
// so that what counts at a time is found without looking at each: in the order in
// which they stop to count, with the sum up to each.
type spends struct {
	governance.Velocity
	until []int64         // when it counts no more, Unix seconds
	sum   []amount.Amount // of this one and those before it
}

// add takes an approved request. One whose amount is not a decimal cannot be: the rules
// agreed to it.
func (s *spends) add(e governance.Earlier) {
	of := s.Of(e)
	if of == "" {
		return
	}
	until, a := s.Until(e).Unix(), amount.Must(of)
	i := sort.Search(len(s.until), func(i int) bool { return s.until[i] > until })
	s.until = append(s.until, 0)
	s.sum = append(s.sum, amount.Amount{})
	copy(s.until[i+1:], s.until[i:])
	for j := len(s.sum) - 1; j > i; j-- {
		s.sum[j] = s.sum[j-1].Add(a)
	}
	s.until[i] = until
	if s.sum[i] = a; i > 0 {
		s.sum[i] = s.sum[i-1].Add(a)
	}
}

// at is what counts at a time, a decimal.
func (s *spends) at(now time.Time) string {
	n := len(s.until)
	i := sort.Search(n, func(i int) bool { return s.until[i] > now.Unix() })
	switch {
	case i == n:
		return "0"
	case i == 0:
		return s.sum[n-1].String()
	}
	return s.sum[n-1].Sub(s.sum[i-1]).String()
}

// look keeps the sums of an account for the windows of other rules than it had. A window
// that there was goes on. A new one begins with what the longest of the same unit has, which
// may count for longer than it would have; what is older than that, or of another unit, is
// not known and does not count.
func (a *account) look(rules governance.Set) {
	var all []*spends
	for _, w := range rules.Windows() {
		now := &spends{Velocity: w}
		var longest int64
		for _, old := range a.spends {
			if old.Currency != w.Currency || (old.Count != 0) != (w.Count != 0) || old.Seconds != w.Seconds && (longest == w.Seconds || old.Seconds < longest) {
				continue
			}
			longest = old.Seconds
			now.until, now.sum = slices.Clone(old.until), slices.Clone(old.sum)
		}
		all = append(all, now)
	}
	a.spends = all
}

const (
	hour = 3600            // seconds
	year = 366 * 24 * hour // no window is longer
)

// settled are the sums in less room. Those that have ended count no more, except when the
// operator's word makes it earlier again: for that, one is kept for each hour of the last
// year, and one for all before, so that some of it may then count for up to an hour longer.
func (s *spends) settled(now int64) *spends {
	out := &spends{Velocity: s.Velocity}
	for i, until := range s.until {
		if i+1 < len(s.until) {
			next := s.until[i+1] // whose sum has this one in it
			if next <= now && next/hour == until/hour || next <= now-year {
				continue
			}
		}
		out.until, out.sum = append(out.until, until), append(out.sum, s.sum[i])
	}
	return out
}
