package rehearsal

import (
	"math/bits"
	"slices"

	"countersign/shared/amount"
)

// dimension is one thing that rules look at of a request.
type dimension int

const (
	byAsset dimension = iota
	byCurrency
	byAmount
	byAddress
	byProvider
	byTime
	dimensions
)

// values are some of the values of a dimension. All of one dimension have one type.
type values interface {
	and(values) values
	minus(values) values
	empty() bool
}

// region is a set of requests of one kind: those whose values are in each dimension.
type region [dimensions]values

func (r region) empty() bool {
	return slices.ContainsFunc(r[:], values.empty)
}

func (r region) and(o region) (both region) {
	for d := range r {
		both[d] = r[d].and(o[d])
	}
	return both
}

// minus is r without o, as regions that have nothing in common.
func (r region) minus(o region) (rest []region) {
	if r.and(o).empty() {
		return []region{r}
	}
	for d := range r {
		piece := r
		if piece[d] = r[d].minus(o[d]); !piece.empty() {
			rest = append(rest, piece)
		}
		r[d] = r[d].and(o[d])
	}
	return rest
}

// maxPieces is where subtracting ends: what is not subtracted is reported as if it could
// be reached.
const maxPieces = 4096

// without is all of the regions that is in none of the others. It is more than that when
// the pieces are too many.
func without(all, others []region) []region {
	for _, o := range others {
		var rest []region
		for _, r := range all {
			rest = append(rest, r.minus(o)...)
		}
		if len(rest) > maxPieces {
			return all
		}
		all = rest
	}
	return all
}

// words are listed texts, or all others.
type words struct {
	not  bool
	list []string
}

func anyWord() words              { return words{not: true} }
func only(list ...string) words   { return words{list: list} }
func except(list ...string) words { return words{not: true, list: list} }

func (w words) has(s string) bool { return slices.Contains(w.list, s) != w.not }

func (w words) and(o values) values {
	x := o.(words)
	if w.not && x.not {
		both := slices.Clone(w.list)
		for _, s := range x.list {
			if !slices.Contains(both, s) {
				both = append(both, s)
			}
		}
		return words{not: true, list: both}
	}
	if w.not {
		w, x = x, w
	}
	return words{list: slices.DeleteFunc(slices.Clone(w.list), func(s string) bool { return !x.has(s) })}
}

func (w words) minus(o values) values {
	x := o.(words)
	x.not = !x.not
	return w.and(x)
}

func (w words) empty() bool { return !w.not && len(w.list) == 0 }

// cut is a place between amounts: just before or just behind one, or behind all.
type cut struct {
	at     amount.Amount
	behind bool
	end    bool
}

func (c cut) compare(o cut) int {
	switch {
	case c.end || o.end:
		return truth(c.end) - truth(o.end)
	case c.at.Cmp(o.at) != 0:
		return c.at.Cmp(o.at)
	}
	return truth(c.behind) - truth(o.behind)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// span are the amounts between two cuts.
type span struct{ from, to cut }

// amounts are spans in order.
type amounts []span

// anyAmount is each that an intent may have: more than 0.
func anyAmount() amounts { return amounts{{cut{behind: true}, cut{end: true}}} }

// between are amounts from lowest to highest, both included; empty: without a bound.
func between(lowest, highest string) amounts {
	s := anyAmount()[0]
	if lowest != "" {
		s.from = cut{at: amount.Must(lowest)}
	}
	if highest != "" {
		s.to = cut{at: amount.Must(highest), behind: true}
	}
	return amounts{s}
}

func (a amounts) and(o values) values {
	var both amounts
	for _, x := range a {
		for _, y := range o.(amounts) {
			s := x
			if y.from.compare(s.from) > 0 {
				s.from = y.from
			}
			if y.to.compare(s.to) < 0 {
				s.to = y.to
			}
			if s.from.compare(s.to) < 0 {
				both = append(both, s)
			}
		}
	}
	return both
}

func (a amounts) minus(o values) values {
	rest := a
	for _, y := range o.(amounts) {
		outside := amounts{{cut{}, y.from}, {y.to, cut{end: true}}}
		rest = rest.and(outside).(amounts)
	}
	return rest
}

func (a amounts) empty() bool { return len(a) == 0 }

// most is the highest amount; false: there is no bound.
func (a amounts) most() (amount.Amount, bool) {
	last := a[len(a)-1].to
	return last.at, !last.end
}

const (
	minutesOfDay = 24 * 60
	weekdays     = 7
)

// times are minutes of the week, from Sunday 00:00 UTC.
type times [(weekdays*minutesOfDay + 63) / 64]uint64

func anyTime() (t times) {
	for day := range weekdays {
		t.add(day, 0, minutesOfDay)
	}
	return t
}

func (t *times) add(day, from, to int) {
	for m := day*minutesOfDay + from; m < day*minutesOfDay+to; m++ {
		t[m/64] |= 1 << (m % 64)
	}
}

func (t times) has(day, minute int) bool {
	m := day*minutesOfDay + minute
	return t[m/64]&(1<<(m%64)) != 0
}

func (t times) and(o values) values {
	x := o.(times)
	for i := range t {
		t[i] &= x[i]
	}
	return t
}

func (t times) minus(o values) values {
	x := o.(times)
	for i := range t {
		t[i] &^= x[i]
	}
	return t
}

func (t times) empty() bool {
	n := 0
	for _, w := range t {
		n += bits.OnesCount64(w)
	}
	return n == 0
}
