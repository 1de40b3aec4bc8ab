package vault

import (
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
	until []time.Time     // when it counts no more
	sum   []amount.Amount // of this one and those before it
}

// add takes an approved request. One whose amount is not a decimal cannot be: the rules
// agreed to it.
func (s *spends) add(e governance.Earlier) {
	if e.Currency != s.Currency {
		return
	}
	until, a := s.Until(e), amount.Must(e.Amount)
	i := sort.Search(len(s.until), func(i int) bool { return s.until[i].After(until) })
	s.until = append(s.until, time.Time{})
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
	i := sort.Search(n, func(i int) bool { return s.until[i].After(now) })
	switch {
	case i == n:
		return "0"
	case i == 0:
		return s.sum[n-1].String()
	}
	return s.sum[n-1].Sub(s.sum[i-1]).String()
}
