// Package strictjson decodes JSON that came from outside the process. It
// refuses what encoding/json lets pass and what two parties could read
// differently: unknown fields, duplicate names, names in another case, trailing
// data, invalid UTF-8, deep nesting and over-long input (RFC 8259 §4 and §8.1,
// RFC 7493 I-JSON). Every decoder of the project's protocols uses it.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"countersign/shared/fault"
)

// MaxDepth is how many objects and arrays may be nested.
const MaxDepth = 16

// Unmarshal decodes one JSON value of at most limit bytes into v, which must be
// a non-nil pointer. It fails with [fault.TooLarge] when data is longer than
// limit and with [fault.Invalid] for everything else; the message names the
// field where it can, and never repeats a value.
func Unmarshal(data []byte, v any, limit int) error {
	if len(data) > limit {
		return fault.New(fault.TooLarge, fmt.Sprintf("the message is larger than %d bytes", limit))
	}
	if !utf8.Valid(data) {
		return fault.New(fault.Invalid, "the message is not valid UTF-8")
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return fmt.Errorf("strictjson: decode into %T, which is not a pointer", v)
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(data))}
	w.dec.UseNumber()
	if err := w.value(t.Elem(), "", 0); err != nil {
		return err
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return fault.New(fault.Invalid, "there is data after the JSON value")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return explain(err)
	}
	return nil
}

func explain(err error) error {
	if e, ok := err.(*json.UnmarshalTypeError); ok {
		return fault.New(fault.Invalid, fmt.Sprintf("field %q must be of type %s", e.Field, e.Type)).With("field", e.Field)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fault.New(fault.Invalid, "unknown field "+name)
	}
	return fault.Wrap(err, fault.Invalid, "the message is not valid JSON for this call")
}

// walker checks the names in each object against the Go type that they will be
// decoded into; where the type is open (any, json.RawMessage, a map) it checks
// for duplicates only.
type walker struct{ dec *json.Decoder }

func (w *walker) value(t reflect.Type, path string, depth int) error {
	tok, err := w.dec.Token()
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the message is not valid JSON")
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	if depth >= MaxDepth {
		return fault.New(fault.Invalid, "the message is nested too deeply")
	}
	if delim == '{' {
		return w.object(t, path, depth)
	}
	elem := elemOf(t)
	for w.dec.More() {
		if err := w.value(elem, path, depth+1); err != nil {
			return err
		}
	}
	return w.end()
}

func (w *walker) object(t reflect.Type, path string, depth int) error {
	fields, closed := fieldsOf(t)
	seen := map[string]bool{}
	for w.dec.More() {
		tok, err := w.dec.Token()
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "the message is not valid JSON")
		}
		name := tok.(string) // the decoder yields only strings where a name stands
		at := path + name
		if seen[name] {
			return fault.New(fault.Invalid, fmt.Sprintf("field %q appears twice", clip(at))).With("field", clip(at))
		}
		seen[name] = true
		ft, known := fields[name]
		if closed && !known {
			return fault.New(fault.Invalid, fmt.Sprintf("unknown field %q", clip(at))).With("field", clip(at))
		}
		if !closed {
			ft = elemOf(t)
		}
		if err := w.value(ft, at+".", depth+1); err != nil {
			return err
		}
	}
	return w.end()
}

func (w *walker) end() error {
	if _, err := w.dec.Token(); err != nil {
		return fault.Wrap(err, fault.Invalid, "the message is not valid JSON")
	}
	return nil
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// fieldsOf lists the JSON names of a struct type; closed is false for a type
// that takes any name.
func fieldsOf(t reflect.Type) (fields map[string]reflect.Type, closed bool) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler) {
		return nil, false
	}
	fields = map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "-" || !f.IsExported() || (f.Anonymous && tag == "") {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		fields[tag] = f.Type
	}
	return fields, true
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
		if t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler) {
			return nil
		}
		return t.Elem()
	}
	return nil
}
