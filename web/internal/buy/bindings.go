package buy

import (
	"slices"
	"strconv"
	"strings"

	"countersign/shared/asset"
)

// without takes the deposit address out of a text, in whatever case it may be written.
func (c comparison) without(text string) (rest string, found bool) {
	if c.dest == "" {
		return text, false
	}
	in, want := text, c.dest
	if isHex(strings.ToLower(want)) {
		in, want = strings.ToLower(text), strings.ToLower(want[2:])
	}
	if len(in) != len(text) { // lower case of another length
		return text, false
	}
	from := 0
	var b strings.Builder
	for {
		at := strings.Index(in[from:], want)
		if at < 0 {
			b.WriteString(text[from:])
			return b.String(), found
		}
		before := text[from : from+at]
		if in != text || isHex(c.dest) {
			before = strings.TrimSuffix(strings.TrimSuffix(before, "0x"), "0X")
		}
		b.WriteString(before + " ")
		from, found = from+at+len(want), true
	}
}

// bound compares what an address of the order's is bound to, by a pair such as
// network:address, a list that holds both, or its name: with the order's network
// and asset. rest is the value without the address. Under a name for addresses or
// networks nothing else may stand beside it.
func (c comparison) bound(w []string, name, within, kind, rest string) string {
	if c.elsewhere(within) {
		return aboutAsset
	}
	if kindOf(w) == "" && !anyOf(w, aside) {
		if kind == aboutNetwork && len(w) > 0 && !c.network(name) || c.elsewhere(name) {
			return aboutAsset
		}
	}
	if c.anotherIn(w) {
		return aboutAsset
	}
	lower := strings.ToLower(rest)
	if strings.Contains(lower, "@") { // EIP-681, whose scheme is the same on every chain
		rest = strings.TrimPrefix(lower, "ethereum:")
	}
	chain := strings.Contains(lower, "@") || strings.Contains(lower, "eip155")
	var texts []string
	for _, part := range parts(rest) {
		if _, err := strconv.ParseUint(part, 0, 64); err != nil {
			texts = append(texts, part)
		} else if !c.here(part) && (chain || otherReference(part)) {
			return aboutAsset
		}
	}
	switch {
	case c.anotherIn(texts) || kind == aboutNetwork && len(texts) > 0 && !c.network(strings.Join(texts, " ")):
		return aboutAsset
	case kind == aboutAddress && slices.ContainsFunc(texts, func(part string) bool {
		return !c.said(part) && part != "pay" && kindOf([]string{part}) == ""
	}):
		return aboutAddress
	}
	return ""
}

// described reports whether a name or an id, within what is for networks, for
// assets or for the deposit address, is of another one: {"chain":{"name":"base"}}.
func (c comparison) described(w []string, within string, ours bool, value string) bool {
	kind := kindOf(words(within))
	if !ours && kind != aboutNetwork && kind != aboutAsset || !anyOf(w, "id name slug key value type label source mode") || kindOf(w) == aboutAmount {
		return false
	}
	return c.elsewhere(value) || kind == aboutNetwork && !c.here(value) && otherReference(value)
}

// otherReference reports whether digits are the chain id of a network of the table.
func otherReference(digits string) bool {
	n, err := strconv.ParseUint(digits, 0, 64)
	if err != nil {
		return false
	}
	_, known := asset.Chain("eip155:" + strconv.FormatUint(n, 10))
	return known
}

// listedElsewhere reports whether an item of a list that has the deposit address
// beside it is another network or asset.
func (c comparison) listedElsewhere(s said) bool {
	name, _ := c.without(s.name)
	w := words(name)
	return !anyOf(w, aside) && !free(w) && (s.name == "" || !opaque(w)) && c.elsewhere(s.value)
}

// addressesIn are the addresses in a name. Names with points may end in .eth too.
func addressesIn(name string) (all []string) {
	for _, token := range tokens(name) {
		if addressLike(token) == surely && !strings.HasSuffix(strings.ToLower(token), ".eth") {
			all = append(all, token)
		}
	}
	return all
}
