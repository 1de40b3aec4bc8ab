package strictjson

import (
	"bytes"
	"reflect"
	"strconv"
	"sync"

	"countersign/shared/fault"
)

// names checks the names in each object against the Go type that they are decoded
// into; where the type is open (any, [Raw], a map) it checks for duplicates only.
// It fails with INVALID_REQUEST, or with errGrammar for some of what is not JSON:
// the rest is the reader's. The browser asks it before it reads; elsewhere it says
// in words what encoding/json/v2 refused.
func names(data []byte, t reflect.Type) error {
	w := walker{data: data}
	if err := w.value(t, nil); err != nil {
		return err
	}
	if w.next(); w.pos < len(data) {
		return fault.New(fault.Invalid, "there is data after the JSON value")
	}
	return nil
}

// walker goes through a message.
type walker struct {
	data []byte
	pos  int
	fit  bool // also check that each value fits its type
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

func (w *walker) value(t reflect.Type, at *place) error {
	c := w.next()
	if w.fit {
		if err := w.fits(t, at); err != nil {
			return err
		}
	}
	switch c {
	case '{':
		return w.object(t, at)
	case '[':
		return w.array(elemOf(t), at)
	case '"':
		_, err := w.text()
		return err
	}
	start := w.pos
	for w.pos < len(w.data) && bytes.IndexByte([]byte(" \t\r\n,:]}[{\""), w.data[w.pos]) < 0 {
		w.pos++
	}
	if w.pos == start {
		return errGrammar
	}
	return nil
}

func (w *walker) array(elem reflect.Type, at *place) error {
	w.pos++
	if w.next() == ']' {
		w.pos++
		return nil
	}
	here := inside(at, nil)
	for i := 0; ; i++ {
		here.name = strconv.AppendInt(here.name[:0], int64(i), 10)
		if err := w.value(elem, here); err != nil {
			return err
		}
		c := w.next()
		w.pos++
		switch c {
		case ',':
		case ']':
			return nil
		default:
			return errGrammar
		}
	}
}

func (w *walker) object(t reflect.Type, at *place) error {
	fields, closed := fieldsOf(t)
	elem := elemOf(t)
	var seen nameSet
	w.pos++
	if w.next() == '}' {
		w.pos++
		return nil
	}
	for {
		if w.next() != '"' {
			return errGrammar
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
			return errGrammar
		}
		w.pos++
		if err := w.value(inner, here); err != nil {
			return err
		}
		c := w.next()
		w.pos++
		switch c {
		case ',':
		case '}':
			return nil
		default:
			return errGrammar
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
			s, err := leanUnquote(w.data[start:w.pos])
			return []byte(s), err
		}
	}
	return nil, errGrammar
}

// nameSet are the names in one object. Most objects have few.
type nameSet struct {
	few  [][]byte
	many map[string]bool
}

// add reports whether the name was there.
func (n *nameSet) add(name []byte) bool {
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
