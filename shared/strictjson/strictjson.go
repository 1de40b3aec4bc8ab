// Package strictjson decodes JSON that came from outside the process. It
// refuses what encoding/json lets pass and what two parties could read
// differently: unknown fields, duplicate names, names in another case, trailing
// data, invalid UTF-8, deep nesting and over-long input (RFC 8259 §4 and §8.1,
// RFC 7493 I-JSON). Every decoder of the project's protocols uses it.
package strictjson

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"
	"sync"
	"unicode/utf8"

	"countersign/shared/fault"
)

// MaxDepth is how many objects and arrays may be nested.
const MaxDepth = 16

// Unmarshal decodes one JSON value of at most limit bytes into v, which must be
// a non-nil pointer. It fails with [fault.TooLarge] when data is longer than
// limit and with [fault.Invalid] for everything else: also for null where an object
// or a text is due; inside a message it is absence. The message names the field where
// it can, and never repeats a value. The detail field is the path of
// the field: names and the numbers of elements, from 0, with dots between them
// (members.0.name).
func Unmarshal(data []byte, v any, limit int) error {
	if len(data) > limit {
		return fault.New(fault.TooLarge, "the message is larger than "+strconv.Itoa(limit)+" bytes")
	}
	if !utf8.Valid(data) {
		return fault.New(fault.Invalid, "the message is not valid UTF-8")
	}
	if string(data[:min(3, len(data))]) == "\xef\xbb\xbf" {
		return fault.New(fault.Invalid, "the message begins with a byte order mark (U+FEFF): write it without one") // RFC 8259, section 8.1
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return errors.New("strictjson: decode into what is not a pointer")
	}
	w := walker{data: data}
	if w.next() == 'n' {
		if err := w.fits(t.Elem(), nil); err != nil {
			return err
		}
	}
	if err := w.value(t.Elem(), nil, 0); err != nil {
		return err
	}
	if w.next(); w.pos < len(data) {
		return fault.New(fault.Invalid, "there is data after the JSON value")
	}
	if err := decode(data, v); err != nil {
		return explain(data, t.Elem(), err)
	}
	return nil
}

// walker checks the names in each object against the Go type that they will be
// decoded into; where the type is open (any, [Raw], a map) it checks
// for duplicates only. It sees names and nesting as encoding/json does in whatever
// encoding/json accepts; what is not JSON it may let pass, because encoding/json
// reads it afterwards.
type walker struct {
	data []byte
	pos  int
	fit  bool // also look whether each value fits its type
}

// place is where a value stands, for messages.
type place struct {
	parent *place
	name   []byte
}

func (p *place) String() string {
	if p.parent == nil {
		return string(p.name)
	}
	return p.parent.String() + "." + string(p.name)
}

// inside is where the field or the element of this name stands in the value at p.
func inside(p *place, name []byte) *place { return &place{p, name} }

// next skips white space and returns the byte after it; 0 at the end.
func (w *walker) next() byte {
	for ; w.pos < len(w.data); w.pos++ {
		switch c := w.data[w.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (w *walker) value(t reflect.Type, at *place, depth int) error {
	c := w.next()
	if (c == '{' || c == '[') && depth >= MaxDepth {
		return fault.New(fault.Invalid, "the message is nested too deeply")
	}
	if w.fit {
		if err := w.fits(t, at); err != nil {
			return err
		}
	}
	switch c {
	case '{':
		return w.object(t, at, depth)
	case '[':
		return w.array(elemOf(t), at, depth)
	case '"':
		_, err := w.text()
		return err
	}
	start := w.pos
	for w.pos < len(w.data) && bytes.IndexByte([]byte(" \t\r\n,:]}[{\""), w.data[w.pos]) < 0 {
		w.pos++
	}
	if w.pos == start {
		return invalid(nil)
	}
	return nil
}

const notJSON = "the message is not valid JSON"

func invalid(cause error) error {
	return fault.Wrap(cause, fault.Invalid, notJSON)
}

func (w *walker) array(elem reflect.Type, at *place, depth int) error {
	w.pos++
	if w.next() == ']' {
		w.pos++
		return nil
	}
	here := inside(at, nil)
	for i := 0; ; i++ {
		here.name = strconv.AppendInt(here.name[:0], int64(i), 10)
		if err := w.value(elem, here, depth+1); err != nil {
			return err
		}
		c := w.next()
		w.pos++
		switch c {
		case ',':
		case ']':
			return nil
		default:
			return invalid(nil)
		}
	}
}

func (w *walker) object(t reflect.Type, at *place, depth int) error {
	fields, closed := fieldsOf(t)
	elem := elemOf(t)
	var seen names
	w.pos++
	if w.next() == '}' {
		w.pos++
		return nil
	}
	for {
		if w.next() != '"' {
			return invalid(nil)
		}
		name, err := w.text()
		if err != nil {
			return err
		}
		here := inside(at, name)
		if seen.add(name) {
			path := clip(here.String())
			return fault.New(fault.Invalid, "field "+strconv.Quote(path)+" appears twice").With("field", path)
		}
		inner := elem
		if closed {
			known := false
			if inner, known = fields[string(name)]; !known {
				path := clip(here.String())
				return fault.New(fault.Invalid, "unknown field "+strconv.Quote(path)).With("field", path)
			}
		}
		if w.next() != ':' {
			return invalid(nil)
		}
		w.pos++
		if err := w.value(inner, here, depth+1); err != nil {
			return err
		}
		c := w.next()
		w.pos++
		switch c {
		case ',':
		case '}':
			return nil
		default:
			return invalid(nil)
		}
	}
}

// text reads a string, whose quote is next, without its escapes.
func (w *walker) text() ([]byte, error) {
	start, escaped := w.pos, false
	for w.pos++; w.pos < len(w.data); w.pos++ {
		switch w.data[w.pos] {
		case '\\':
			escaped = true
			w.pos++
		case '"':
			w.pos++
			if !escaped {
				return w.data[start+1 : w.pos-1], nil
			}
			s, err := unquote(w.data[start:w.pos])
			if err != nil {
				return nil, invalid(err)
			}
			return []byte(s), nil
		}
	}
	return nil, invalid(nil)
}

// names are the names in one object. Most objects have few.
type names struct {
	few  [][]byte
	many map[string]bool
}

// add reports whether the name was there.
func (n *names) add(name []byte) bool {
	if n.many != nil {
		had := n.many[string(name)]
		n.many[string(name)] = true
		return had
	}
	for _, f := range n.few {
		if bytes.Equal(f, name) {
			return true
		}
	}
	if n.few = append(n.few, name); len(n.few) > 32 {
		n.many = make(map[string]bool, 2*len(n.few))
		for _, f := range n.few {
			n.many[string(f)] = true
		}
	}
	return false
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// memo keeps what namesOf finds. It depends on the program's types alone, as in
// encoding/json.
var memo sync.Map // reflect.Type → map[string]reflect.Type

// fieldsOf lists the JSON names of a struct type; closed is false for a type
// that takes any name.
func fieldsOf(t reflect.Type) (fields map[string]reflect.Type, closed bool) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || readsItself(t) {
		return nil, false
	}
	if found, ok := memo.Load(t); ok {
		return found.(map[string]reflect.Type), true
	}
	fields = namesOf(t)
	memo.Store(t, fields)
	return fields, true
}

func namesOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, m := range membersOf(t) {
		fields[m.name] = t.FieldByIndex(m.index).Type
	}
	return fields
}

func elemOf(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		if readsItself(t) {
			return nil
		}
		return t.Elem()
	}
	return nil
}
