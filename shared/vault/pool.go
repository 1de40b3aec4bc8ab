package vault

import (
	"errors"
	"slices"
)

// Pool are the deposit addresses of an account, or the addresses of accounts' own keys, as
// the log tells it: each is of one open request, or was approved and is that request's for
// good, or is free, because its request ended before anybody outside could be given it.
type Pool struct {
	next int        // the number of the next new key: 0, 1, 2, … as their addresses first appear in the log
	free []Numbered // the longest unused first
}

// Numbered is an address with the number of its key.
type Numbered struct {
	Address string `json:"address"`
	Number  int    `json:"number"`
}

// Free are the addresses that the next request may have, the longest unused first.
func (p *Pool) Free() []Numbered { return slices.Clone(p.free) }

// Next is the number of the next new key.
func (p *Pool) Next() int { return p.next }

// take gives an address to a request, and returns its number: a free one, or the next
// new one, which the log does not know yet.
func (p *Pool) take(address string, known bool) (int, error) {
	if !known {
		p.next++
		return p.next - 1, nil
	}
	i := slices.IndexFunc(p.free, func(n Numbered) bool { return n.Address == address })
	if i < 0 {
		return 0, errors.New("it belongs to another request")
	}
	number := p.free[i].Number
	p.free = slices.Delete(p.free, i, i+1)
	return number, nil
}

// put gives an address back.
func (p *Pool) put(n Numbered) { p.free = append(p.free, n) }
