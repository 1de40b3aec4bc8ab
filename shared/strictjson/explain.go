package strictjson

import (
	"encoding"
	"reflect"
	"strconv"

	"countersign/shared/fault"
)

// This file says in words of JSON why a message was not read. It looks at the
// message a second time, after reading it failed.

var fromText = reflect.TypeFor[encoding.TextUnmarshaler]()

// explain names the first name that is not right, or else the first value that
// does not fit its type; when it finds neither, the message is not JSON.
func explain(data []byte, t reflect.Type, cause error) error {
	err := names(data, t)
	if err == nil {
		w := walker{data: data, fit: true}
		err = w.value(t, nil)
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	return invalid(cause)
}

// fits fails when the value that is next cannot be read into t.
func (w *walker) fits(t reflect.Type, at *place) error {
	c := w.next()
	if c == 'n' && (at != nil || t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map)) {
		return nil // null is absence, or what Go writes for a list without elements; but not an object
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return nil // anything fits
	}
	if reflect.PointerTo(t).Implements(fromText) {
		return w.fitsText(t, at)
	}
	if readsItself(t) {
		return nil
	}
	switch want, first := kindOf(t); {
	case want == "":
	case first == "0":
		return w.fitsNumber(t, want, at)
	case c == 0 || !contains(first, c):
		return mustBe(want, at)
	}
	return nil
}

// kindOf says what a value of the type is in JSON, and the bytes with which it
// may begin; "0" is a number.
func kindOf(t reflect.Type) (want, first string) {
	switch t.Kind() {
	case reflect.String:
		return "a text", `"`
	case reflect.Bool:
		return "true or false", "tf"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number", "0"
	case reflect.Float32, reflect.Float64:
		return "a number", "0"
	case reflect.Struct, reflect.Map:
		return "an object", "{"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes in base64", `"`
		}
		return "a list", "["
	}
	return "", ""
}

func contains(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

func (w *walker) fitsText(t reflect.Type, at *place) error {
	peek := *w
	if peek.next() != '"' {
		return mustBe("a text", at)
	}
	text, err := peek.text()
	if err != nil {
		return nil // the grammar is the caller's
	}
	err = reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText(text)
	if err == nil {
		return nil
	}
	why := "is not in its form"
	if f, ok := fault.As(err); ok {
		why = "is not in its form: " + f.Message
	}
	return atField(why, at)
}

func (w *walker) fitsNumber(t reflect.Type, want string, at *place) error {
	peek := *w
	peek.fit = false
	start := peek.pos
	if c := peek.next(); c != '-' && (c < '0' || c > '9') || peek.value(nil, nil) != nil {
		return mustBe(want, at)
	}
	s := string(w.data[start:peek.pos])
	var err error
	switch v := reflect.New(t).Elem(); {
	case v.CanInt():
		_, err = strconv.ParseInt(s, 10, t.Bits())
	case v.CanUint():
		_, err = strconv.ParseUint(s, 10, t.Bits())
	}
	if err != nil {
		return mustBe(want+" in range", at)
	}
	return nil
}

func mustBe(what string, at *place) error { return atField("must be "+what, at) }

func atField(why string, at *place) error {
	if at == nil {
		return whole(nil, fault.Invalid, why)
	}
	path := clip(at.String())
	return fault.New(fault.Invalid, "field "+strconv.Quote(path)+" "+why).With("field", path)
}
