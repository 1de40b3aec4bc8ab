package buy

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"countersign/shared/quote"
)

// The kinds of what an address of a provider can say about a purchase.
const (
	aboutAddress = "address"
	aboutAmount  = "amount"
	aboutAsset   = "asset"
	aboutSale    = "sale"
)

// contradiction is a parameter that says something else than the order. Its value
// is not kept: it may be a secret.
type contradiction struct {
	parameter string // empty: a segment of the path
	about     string
	doubt     bool // nothing tells what it is: an id of another person's account, perhaps
}

func (c contradiction) String() string {
	what, is := "the parameter "+shown(c.parameter), " is"
	if c.parameter == "" {
		what = "the path"
	}
	if c.doubt {
		is = " may be"
	}
	if c.about == aboutSale {
		return what + is + " about a sale"
	}
	return what + is + " about another " + c.about
}

// contradictions compares all that an address says, wherever it says it, with the
// order. Whatever the name, a value that looks like a deposit address, like an
// amount of money or like an asset or a currency must be the order's; a name that
// stands for one of them must have the order's value, and once. params are the
// provider's own names of the LiveApp parameters.
func contradictions(u *url.URL, o quote.HandOff, params map[string]string) ([]contradiction, error) {
	all, err := sayings(u)
	if err != nil {
		return nil, err
	}
	c := newComparison(o)
	c.own = map[string]string{}
	for contract, own := range params {
		kind := kindOf(words(contract))
		if contract == "mode" {
			kind = aboutSale
		}
		if own != "" {
			c.own[own] = kind
		}
	}
	c.seen = c.survey(all)
	var found []contradiction
	add := func(name, about string) {
		doubt := about == aboutRecipient
		if doubt {
			about = aboutAddress
		}
		if _, ours := c.without(name); ours || len(addressesIn(name)) > 0 {
			name = "[address]" // which is told no more than a value
		}
		if x := (contradiction{name, about, doubt}); !slices.Contains(found, x) {
			found = append(found, x)
		}
	}
	for i, s := range all {
		about := c.differs(s, all[i+1:s.last])
		switch role := c.role(s); {
		case c.seen.chosen(s, about, role):
			about = ""
		case about == "" && c.seen.bound(s, role) && c.listedElsewhere(s):
			about = aboutAsset
		}
		if s.away && !c.matters(s, about) {
			about = ""
		}
		if about != "" {
			add(cmp.Or(s.within, s.name), about)
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errTooMuch
	}
	for name, values := range query {
		if about := c.kind(name); len(values) > 1 && hasWord("address amount asset network", about) {
			add(name, about) // the two ends could read different ones
		}
	}
	return found, nil
}

// matters reports whether a contradiction in the address of a page to come back to is
// one: another deposit address, or an amount that is called so and is no place for one,
// {amount}. What else such a page is called and shows is its own.
func (c comparison) matters(s said, about string) bool {
	switch {
	case placeholder.MatchString(s.value):
		return false
	case about == aboutAmount:
		return c.kind(s.name) == aboutAmount
	}
	return about == aboutAddress
}

var placeholder = regexp.MustCompile(`^(\{.*\}|\$\w+|\$\{.*\}|[:%@]\w+%?|<\w+>|\[\w+\]|__\w+__)$`)

// tokens are the parts of a value that may be an address, also what is joined to
// other words by a sign that addresses of other forms may have: eth_0x….
func tokens(value string) []string {
	all := strings.FieldsFunc(value, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`:,;|/?&=@"'{}[]()<>#+`, r)
	})
	for _, token := range all {
		for _, part := range strings.FieldsFunc(token, func(r rune) bool { return strings.ContainsRune(`_-.~*!$`, r) }) {
			if part != token && addressLike(part) == surely {
				all = append(all, part)
			}
		}
	}
	return all
}

// inWords is a few contradictions in words, for the log and for people.
func inWords(all []contradiction) string {
	var text []string
	for i, c := range all {
		if i == 4 {
			text = append(text, strconv.Itoa(len(all)-i)+" more")
			break
		}
		text = append(text, c.String())
	}
	return strings.Join(text, "; ")
}
