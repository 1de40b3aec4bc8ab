package vault

import (
	"errors"
	"slices"
)

// Pool are the deposit addresses of an account, as the log tells it: each is of one
// open request, or was approved and is that request's for good, or is free, because
// its request ended before a provider could be given it.
type Pool struct {
	numbers map[string]int // the number of an address's key: 0, 1, 2, … as they first appear in the log
	free    []string       // the longest unused first
}

// Numbered is a deposit address with the number of its key.
type Numbered struct {
	Address string
	Number  int
}

// Free are the addresses that the next request may have, the longest unused first.
func (p *Pool) Free() []Numbered {
	all := make([]Numbered, len(p.free))
	for i, a := range p.free {
		all[i] = Numbered{a, p.numbers[a]}
	}
	return all
}

// Next is the number of the next new key.
func (p *Pool) Next() int { return len(p.numbers) }

// take gives an address to a request: a free one, or the next new one.
func (p *Pool) take(address string) error {
	if _, known := p.numbers[address]; !known {
		p.numbers[address] = len(p.numbers)
		return nil
	}
	i := slices.Index(p.free, address)
	if i < 0 {
		return errors.New("it belongs to another request")
	}
	p.free = slices.Delete(p.free, i, i+1)
	return nil
}

// put gives an address back.
func (p *Pool) put(address string) { p.free = append(p.free, address) }
