// Package field checks the fields of a signed document one after the other and
// keeps the first mistake: where it is, and what is wrong, as a sentence about the
// field. Pure. shared/intent and shared/statement use it; each says what a mistake
// means in its own words and code.
package field

import (
	"strconv"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/id"
	"countersign/shared/name"
)

// Problem is what is wrong with a field. Field is its path, with dots between names;
// empty when the document as a whole is to blame. Why ends a sentence that begins with
// the field: "is not a currency".
type Problem struct{ Field, Why string }

// Error is the sentence.
func (p *Problem) Error() string { return strings.TrimSpace(p.Field + " " + p.Why) }

// At is the problem of a field inside another one.
func (p *Problem) At(outer string) *Problem {
	if p.Field == "" {
		return &Problem{outer, p.Why}
	}
	return &Problem{outer + "." + p.Field, p.Why}
}

// Checks runs in order and stops at the first that fails, which Problem holds.
type Checks struct{ Problem *Problem }

// OK reports whether nothing failed yet.
func (c *Checks) OK() bool { return c.Problem == nil }

// Err is the problem as an error, or nil.
func (c *Checks) Err() error {
	if c.Problem == nil {
		return nil
	}
	return c.Problem
}

// That fails with why unless ok.
func (c *Checks) That(ok bool, field, why string) {
	if c.Problem == nil && !ok {
		c.Problem = &Problem{field, why}
	}
}

// ID wants an id with this prefix.
func (c *Checks) ID(prefix, s, field string) {
	c.That(id.Is(prefix, s), field, "is not an id that starts with "+prefix+"_")
}

// Name wants a name (shared/name).
func (c *Checks) Name(s, field string) {
	why := name.Problem(s)
	c.That(why == "", field, why)
}

// Words wants words that a person wrote (shared/name), or nothing.
func (c *Checks) Words(s, field string) {
	if s != "" {
		why := name.WordsProblem(s)
		c.That(why == "", field, why)
	}
}

// maxSlug is how many characters a slug has at most.
const maxSlug = 64

// Slug wants 1 to 64 characters of a-z, 0-9, and _ - . /.
func (c *Checks) Slug(s, field string) {
	ok := s != "" && len(s) <= maxSlug && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-./") == ""
	c.That(ok, field, "is not a slug")
}

// Capitals wants n capital letters, which make a noun: "a currency of three capital letters".
func (c *Checks) Capitals(s string, n int, field, noun string) {
	c.That(len(s) == n && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "", field, "is not "+noun)
}

// How many digits an amount may have after the point: those that currencies (ISO
// 4217) and assets (18, as Ethereum's) have at most. Before it, 15.
const (
	FiatPlaces  = 4
	AssetPlaces = 18
)

var tooMuch = amount.Must("1000000000000000") // 10^15: an amount in the smallest unit, taken for the main one

// Amount wants a plain decimal above zero and below 10^15, with at most so many places.
func (c *Checks) Amount(s, field string, places int) {
	a, err := amount.Parse(s)
	c.That(err == nil && a.Sign() >= 0, field, "is not a plain decimal amount")
	c.That(a.Sign() > 0, field, "is zero")
	c.That(a.Places() <= places, field, "has more than "+strconv.Itoa(places)+" decimal places")
	c.That(a.Cmp(tooMuch) < 0, field, "is 10^15 or more")
}

// Chain wants a chain in CAIP-2 form, namespace:reference.
func (c *Checks) Chain(s, field string) {
	ns, ref, ok := strings.Cut(s, ":")
	ok = ok && len(ns) >= 3 && len(ns) <= 8 && len(ref) >= 1 && len(ref) <= 32 &&
		strings.Trim(ns, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		strings.Trim(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
	c.That(ok, field, "is not a chain in CAIP-2 form")
}

// Address wants 20 to 100 letters and digits.
func (c *Checks) Address(s, field string) {
	ok := len(s) >= 20 && len(s) <= 100 &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
	c.That(ok, field, "is not an address")
}
