package strictjson

import (
	"encoding"
	"encoding/base64"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// member is a field of a struct as JSON sees it.
type member struct {
	name  string
	index []int
	omit  bool // if empty
	zero  bool // omitted if zero
}

// plans keeps what membersOf finds. It depends on the program's types alone.
var plans sync.Map // reflect.Type → []member

func membersOf(t reflect.Type) []member {
	if found, ok := plans.Load(t); ok {
		return found.([]member)
	}
	all := collect(t, nil, nil)
	plans.Store(t, all)
	return all
}

// collect lists fields in the order of the type, those of embedded structs in
// their place; of two with one name the one that is embedded less deeply counts.
func collect(t reflect.Type, index []int, all []member) []member {
	for i := range t.NumField() {
		f := t.Field(i)
		here := append(append([]int{}, index...), i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			all = collect(f.Type, here, all)
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		m, known := member{name, here, options == "omitempty", options == "omitzero"}, false
		for j := range all {
			if all[j].name == name {
				if known = true; len(here) < len(all[j].index) {
					all[j] = m
				}
			}
		}
		if !known {
			all = append(all, m)
		}
	}
	return all
}

// leanEncode writes JSON in its canonical form, as encode does, for the kinds of
// types that leanDecode reads.
func leanEncode(v any) ([]byte, error) {
	return appendValue(nil, reflect.ValueOf(v))
}

func appendValue(b []byte, v reflect.Value) ([]byte, error) {
	switch k := v.Kind(); {
	case k == reflect.Invalid, (k == reflect.Pointer || k == reflect.Interface) && v.IsNil():
		return append(b, "null"...), nil
	case v.Type() == rawType:
		raw := v.Interface().(Raw)
		if raw == nil {
			return append(b, "null"...), nil
		}
		text, err := leanCompact(raw)
		return append(b, text...), err
	case v.Type().Implements(toText):
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		return appendText(b, string(text)), err
	case k == reflect.Pointer, k == reflect.Interface:
		return appendValue(b, v.Elem())
	case k == reflect.Struct:
		return appendStruct(b, v)
	case k == reflect.Map:
		return appendMap(b, v)
	case k == reflect.Slice:
		return appendSlice(b, v)
	case k == reflect.String:
		return appendText(b, v.String()), nil
	case k == reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case v.CanInt():
		return strconv.AppendInt(b, v.Int(), 10), nil
	case v.CanUint():
		return strconv.AppendUint(b, v.Uint(), 10), nil
	}
	return nil, errKind
}

func appendStruct(b []byte, v reflect.Value) (_ []byte, err error) {
	b = append(b, '{')
	first := true
	for _, m := range membersOf(v.Type()) {
		f := v.FieldByIndex(m.index)
		if m.omit && empty(f) || m.zero && f.IsZero() {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, m.name), ':')
		if b, err = appendValue(b, f); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct:
		return false
	case reflect.Map, reflect.Slice:
		return v.Len() == 0
	}
	return v.IsZero()
}

func appendMap(b []byte, v reflect.Value) (_ []byte, err error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	if v.Type().Key().Kind() != reflect.String {
		return nil, errKind
	}
	keys := v.MapKeys()
	for i := range keys { // few
		for j := i; j > 0 && keys[j].String() < keys[j-1].String(); j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, key.String()), ':')
		if b, err = appendValue(b, v.MapIndex(key)); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendSlice(b []byte, v reflect.Value) (_ []byte, err error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return appendText(b, base64.StdEncoding.EncodeToString(v.Bytes())), nil
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendText writes a string. Line separators of JavaScript are escaped and what
// is not UTF-8 is replaced, as encode does.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(b, "\ufffd"...)
			case r == '\u2028', r == '\u2029':
				b = append(b, `\u202`...)
				b = append(b, hex[r&15])
			default:
				b = append(b, s[i:i+n]...)
			}
			i += n
			continue
		}
		i++
		if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
			b = append(b, '\\', `"\bfnrt`[short])
		} else if c < ' ' {
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// leanCompact takes the white space between the parts of a JSON value away.
func leanCompact(raw []byte) ([]byte, error) {
	if err := grammar(raw); err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(raw))
	inside := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inside && c == '\\':
			out = append(out, c)
			i++
			c = raw[i]
		case c == '"':
			inside = !inside
		case !inside && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			continue
		}
		out = append(out, c)
	}
	return out, nil
}
