package buy

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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
// query of its own; and inside each value, where that is percent-encoded once
// more, a URL, a query, JSON or another notation ([unfold]), base64 or a JWT.
func sayings(u *url.URL) ([]said, error) {
	r := reader{}
	r.path(u.EscapedPath(), 0)
	r.query(u.RawQuery, 0)
	r.fragment(u.EscapedFragment(), 0)
	return r.all, r.err
}

type reader struct {
	all  []said
	held int // JSON values and paths so far
	err  error
}

func (r *reader) path(escaped string, depth int) {
	r.held++
	in, before := r.held, ""
	for segment := range strings.SplitSeq(escaped, "/") {
		first, matrix, _ := strings.Cut(segment, ";")
		at := len(r.all)
		r.pair("", first, depth)
		r.place(at, in, 0, true)
		if at < len(r.all) {
			r.all[at].before, before = before, r.all[at].value
		}
		if matrix != "" {
			r.query(strings.ReplaceAll(matrix, ";", "&"), depth)
			r.beside(segment, depth)
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
		name, value, _ := strings.Cut(pair, "=")
		if pair == "" {
			continue
		}
		if n, err := url.QueryUnescape(name); err == nil {
			name = n
		}
		r.pair(name, value, depth)
	}
}

// pair takes a parameter whose value is percent-encoded.
func (r *reader) pair(name, escaped string, depth int) {
	value, err := url.QueryUnescape(escaped)
	if err != nil {
		value = escaped
	}
	r.value(name, "", value, depth)
}

func (r *reader) value(name, within, value string, depth int) {
	value = strings.TrimFunc(value, func(c rune) bool { return unicode.IsSpace(c) || c == 0 })
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
	r.all = append(r.all, said{name: name, within: within, value: value})
	defer func() { r.all[at].last = len(r.all) }()
	if strings.ContainsRune(value, '%') {
		if once, err := url.PathUnescape(value); err == nil && once != value {
			r.value(name, within, once, depth+1)
			return
		}
	}
	if rest, data := cutFold(value, "data:"); data {
		_, value, _ = strings.Cut(rest, ",")
	}
	switch {
	case strings.ContainsAny(value[:min(len(value), 1)], `{["`):
		if json.Valid([]byte(value)) || !r.notation(name, value, depth+1) {
			r.json(name, value, depth+1)
		}
	case strings.Contains(value, "://"):
		if u, err := url.Parse(value); err == nil {
			r.path(u.EscapedPath(), depth+1)
			r.query(u.RawQuery, depth+1)
			r.fragment(u.EscapedFragment(), depth+1)
		}
	case strings.Contains(value, "="):
		if before, query, found := strings.Cut(value, "?"); found {
			r.path(before, depth+1)
			r.query(query, depth+1)
		} else if strings.TrimRight(value, "=") != value || !strings.Contains(strings.TrimRight(value, "="), "=") {
			r.encoded(name, within, value, depth+1)
		}
		if name, _, _ := strings.Cut(value, "="); strings.Contains(strings.TrimRight(value, "="), "=") && len(name) <= 64 {
			r.query(value, depth+1)
		}
		if !free(words(name)) {
			r.notation("", value, depth+1)
		}
	default:
		if free(words(name)) || !r.notation("", value, depth+1) { // sort=amount:desc
			r.encoded(name, within, value, depth+1)
		}
	}
	if !free(words(name)) && !strings.ContainsAny(value[:min(len(value), 1)], `{["`) && !strings.Contains(value, "://") {
		r.beside(value, depth+1)
	}
}

// beside takes a name and what stands next to it for a parameter, whatever sign or
// word is between them: amount,999 or "the amount is 999". Next to the name of an
// amount it must be a number; next to that of an address there must be a sign.
func (r *reader) beside(value string, depth int) {
	for _, at := range word.FindAllStringIndex(value, maxSaid) {
		m := neighbours.FindStringSubmatch(value[at[0]:])
		if m == nil {
			continue
		}
		name, sign, what := m[1], m[2], m[3]
		kind, number := kindOf(words(name)), figures.MatchString(what)
		if kind == aboutAmount && number || kind == aboutAddress && sign != "" && !number && kindOf(words(what)) == "" {
			r.value(name, "", what, depth)
		}
	}
}

// notation reads what names values in another notation than JSON, and reports whether
// anything is named. What stands in no bracket leaves the judgement of the whole value
// to its own name, so that name is empty for it.
func (r *reader) notation(name, value string, depth int) bool {
	text, found, err := unfold(value)
	if err != nil && r.err == nil {
		r.err = err
	}
	if found {
		r.json(name, text, depth)
	}
	return found
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
				inner := level{name: top.name, object: d == '{', key: d == '{', in: r.held, said: len(r.all)}
				if !top.object || !inner.object { // what a list is in, and an item of a list
					inner.above = top.in
				}
				top.key = top.object
				at = append(at, inner)
			default:
				if label, content, ok := top.pair.of(top.object); ok {
					r.value(label, top.name, content, depth)
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
			top.pair.add(top.object, top.name, r.all[first].value)
		}
		r.place(first, top.in, top.above, !top.object)
	}
}

// encoded looks into what is text in base64, base32 or hexadecimal, and into the
// parts of a JWT.
func (r *reader) encoded(name, within, value string, depth int) {
	for part := range strings.SplitSeq(strings.ReplaceAll(value, " ", "+"), ".") {
		text := strings.TrimRight(part, "=")
		if len(text) < 8 || len(text) > 8192 {
			continue
		}
		for _, decode := range decoders {
			if data, err := decode(text); err == nil && readable(string(data)) {
				r.value(name, within, string(data), depth)
				break
			}
		}
	}
}

var decoders = []func(string) ([]byte, error){
	func(s string) ([]byte, error) { return hex.DecodeString(strings.TrimPrefix(s, "0x")) },
	base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString,
	base64.RawURLEncoding.DecodeString,
	base64.RawStdEncoding.DecodeString,
}

func readable(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) && !unicode.IsSpace(c) })
}
