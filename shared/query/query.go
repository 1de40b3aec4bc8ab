// Package query reads the path and the query of an HTTP address as strictly as
// shared/strictjson reads a body: what net/url lets pass, and what two programs
// could read differently, is refused. The gateway's API, the sandbox's dashboard
// and the signer link use it. Spec:
// shared/spec/wire.md, Rules of every message.
package query

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"countersign/shared/fault"
)

// Max is the longest query, in bytes.
const Max = 4096

// Path refuses a path that is another way to write one: with a part that is empty,
// "." or "..", also as escapes, or with a slash at its end. A server would answer it
// with a redirect to the other, which repeats no body. It fails with NOT_FOUND.
func Path(u *url.URL) error {
	for _, p := range []string{u.Path, u.EscapedPath()} {
		if !strings.HasPrefix(p, "/") || path.Clean(p) != p {
			return fault.New(fault.NotFound, "there is nothing at this address: write it without empty parts, dots, and a slash at its end")
		}
	}
	return nil
}

// Read reads the raw query of a request. It fails with PAYLOAD_TOO_LARGE, and with
// INVALID_REQUEST when the query is not well-formed or has a parameter twice.
func Read(raw string) (url.Values, error) {
	if len(raw) > Max {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("the query is longer than %d bytes", Max))
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the query is not well-formed")
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if len(q[name]) > 1 {
			return nil, fault.New(fault.Invalid, "the query parameter "+quoted(name)+" is given twice").With("field", clip(name))
		}
	}
	return q, nil
}

// Only refuses parameters that are not among the names, and those without a value,
// with INVALID_REQUEST: one that is not meant is left out.
func Only(q url.Values, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(names, name) {
			return fault.New(fault.Invalid, "this address has no query parameter "+quoted(name)+instead(name, names)).With("field", clip(name))
		}
		if q.Get(name) == "" {
			return fault.New(fault.Invalid, "the query parameter "+name+" has no value: give it one, or leave it out").With("field", name)
		}
	}
	return nil
}

// instead says what somebody may have meant who wrote a name that is not known.
func instead(name string, known []string) string {
	switch near := Near(name, known); {
	case near != "":
		return ": did you mean " + quoted(near) + "?"
	case len(known) > 0:
		return ": it takes " + strings.Join(known, ", ")
	}
	return ": it takes none"
}

// Near is the one of the known names that somebody may have meant: the nearest that
// at most a third of the word must be changed for, and at most two letters; empty
// when there is none. Case and the marks between words do not count.
func Near(word string, known []string) (best string) {
	plain := func(s string) string { return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) }
	least := 3
	if len(word) > Max {
		return ""
	}
	for _, k := range known {
		a, b := plain(word), plain(k)
		if d := distance(a, b); d < least && 3*d <= max(len(a), len(b)) {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters must be put in, left out or exchanged to turn a into b.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3 // far is far
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// quoted is a name that a client wrote, for a message.
func quoted(s string) string { return strconv.QuoteToASCII(clip(s)) }

func clip(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strings.ToValidUTF8(s, "")
}
