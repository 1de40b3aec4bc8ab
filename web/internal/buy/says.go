package buy

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// said is one thing that an address of a provider says: a parameter and its value,
// wherever it stands and however it is wrapped. name is empty in a path; in JSON
// within is the name of what it is in. Those that are inside its value follow it,
// up to last.
type said struct {
	name, within, value string
	last                int
	in, above           int    // the JSON value or path that it is an item of, and for a list what that is in; 0: none
	list                bool   // it is an item of a list or a path
	toggle              bool   // true or false in JSON
	hollow              bool   // an object or a list with nothing in it, or null, whose value is empty
	bare                bool   // it stands in a query without a name, or is a name without a value
	aside               bool   // it is about a fee, a limit or another part of what is paid
	away                bool   // in the address of another site's page to which the provider's leads back
	before              string // of a segment of a path: the one before it
}

// listed is the list that a saying is an item of, or a field of an item.
func (s said) listed() int {
	if s.list {
		return s.in
	}
	return s.above
}

// Bounds of what is read in one address.
const (
	maxSaid  = 512
	maxDepth = 5 // of layers around a value
)

var errTooMuch = errors.New("the address says too much to be checked")

// sayings are all that an address says: in the segments of its path and their
// matrix parameters, in its query and in its fragment, which may have a path and a
// query of its own; and inside each name and value, in every way in which that can be
// read ([reader.read]).
func sayings(u *url.URL) ([]said, error) {
	r := reader{host: u.Host}
	r.path(u.EscapedPath(), 0)
	r.query(u.RawQuery, 0)
	r.fragment(u.EscapedFragment(), 0)
	return r.all, r.err
}

type reader struct {
	all  []said
	host string
	away bool
	held int // JSON values and paths so far
	err  error
}

func (r *reader) path(escaped string, depth int) {
	r.held++
	in, before := r.held, ""
	for segment := range strings.SplitSeq(escaped, "/") {
		first, matrix, _ := strings.Cut(segment, ";")
		at := len(r.all)
		r.value("", "", unescaped(first, true), depth)
		r.place(at, in, 0, true)
		if at < len(r.all) {
			r.all[at].before, before = before, r.all[at].value
		}
		if matrix != "" {
			r.query(strings.ReplaceAll(matrix, ";", "&"), depth)
			r.beside(segment, depth)
		}
		if strings.ContainsAny(first, "-_") { // amount-999
			r.beside(strings.Map(func(c rune) rune {
				if c == '-' || c == '_' {
					return ':'
				}
				return c
			}, first), depth)
		}
	}
}

// place notes where the saying at this index stands, when there is one.
func (r *reader) place(at, in, above int, list bool) {
	if at < len(r.all) {
		r.all[at].in, r.all[at].above, r.all[at].list = in, above, list
	}
}

func (r *reader) fragment(escaped string, depth int) {
	if before, query, found := strings.Cut(strings.TrimPrefix(escaped, "!"), "?"); found {
		r.path(before, depth)
		r.query(query, depth)
	} else if strings.Contains(before, "=") {
		r.query(before, depth)
	} else {
		r.path(before, depth)
	}
}

func (r *reader) query(raw string, depth int) {
	for _, separator := range []string{"?", ";"} { // which some read as another &
		raw = strings.ReplaceAll(raw, separator, "&")
	}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, valued := strings.Cut(pair, "=")
		if pair == "" {
			continue
		}
		name = unescaped(name, true)
		r.value(name, "", unescaped(value, true), depth)
		r.unwrap(name, depth)
		if padding := strings.Trim(value, "=") == "" && len(name) > 16; !valued || padding {
			r.held++
			at := len(r.all)
			r.value("", "", unescaped(pair, true), depth)
			r.place(at, r.held, 0, true)
			if at < len(r.all) {
				r.all[at].bare = true
			}
		}
	}
}

// value takes a saying, and what can be read in its value.
func (r *reader) value(name, within, value string, depth int) {
	value = strings.TrimFunc(value, func(c rune) bool { return unicode.IsSpace(c) || c == 0 || c == '\ufeff' })
	if name == "" && value == "" || r.err != nil {
		return
	}
	if whole := strings.ReplaceAll(value, " ", ""); icap(whole) != "" { // in groups of four
		value = whole
	}
	if len(r.all) == maxSaid || depth > maxDepth {
		r.err = errTooMuch
		return
	}
	at := len(r.all)
	r.all = append(r.all, said{name: name, within: within, value: value, away: r.away})
	r.read(name, within, value, depth+1)
	r.all[at].last = len(r.all)
}

// json goes through all names and values, also those of names that stand there
// twice.
func (r *reader) json(name, text string, depth int) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	type level struct {
		name      string
		object    bool
		key       bool // a name comes next
		aside     bool // it is about a fee and the like
		in, above int
		said      int // sayings before it
		pair      pairing
	}
	at := []level{{name: name}}
	for {
		token, err := dec.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) && len(at) > 1 {
				return // not JSON after all: what was read of it counts
			}
			return
		}
		if len(at) > 16 {
			r.err = errTooMuch
			return
		}
		top := &at[len(at)-1]
		if d, ok := token.(json.Delim); ok {
			switch d {
			case '{', '[':
				r.held++
				aside := top.aside || kindOf(words(top.name)) == beside || anyOf(words(top.name), "breakdown")
				inner := level{name: top.name, aside: aside, object: d == '{', key: d == '{', in: r.held, said: len(r.all)}
				if !top.object || !inner.object { // what a list is in, and an item of a list
					inner.above = top.in
				}
				top.key = top.object
				at = append(at, inner)
			default:
				if label, content, ok := top.pair.of(top.object); ok {
					first := len(r.all)
					if r.value(label, top.name, content, depth); first < len(r.all) {
						r.all[first].aside = top.aside
					}
				}
				at = at[:len(at)-1]
				if first := len(r.all); len(at) > 1 && first == top.said && top.name != "" {
					if r.value(top.name, at[len(at)-2].name, "{}", depth); first < len(r.all) {
						r.all[first].hollow = true
					}
				}
			}
			continue
		}
		if key, ok := token.(string); ok && top.key {
			top.name, top.key = key, false
			r.unwrap(key, depth)
			continue
		}
		top.key = top.object
		within := name
		if len(at) > 1 {
			within = at[len(at)-2].name
		}
		first := len(r.all)
		switch v := token.(type) {
		case string:
			r.value(top.name, within, v, depth)
		case json.Number:
			r.value(top.name, within, v.String(), depth)
		case bool:
			r.value(top.name, within, strconv.FormatBool(v), depth)
			if first < len(r.all) {
				r.all[first].toggle = true
			}
		case nil:
			r.value(top.name, within, "", depth)
			if first < len(r.all) {
				r.all[first].hollow = true
			}
		}
		if first < len(r.all) {
			r.all[first].aside = top.aside
			top.pair.add(top.object, top.name, r.all[first].value)
		}
		r.place(first, top.in, top.above, !top.object)
	}
}
