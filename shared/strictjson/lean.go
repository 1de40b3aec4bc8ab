package strictjson

import (
	"encoding"
	"encoding/base64"
	"errors"
	"reflect"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads JSON (RFC 8259) for the browser, as encoding/json/v2 does and a
// fuzz test compares, but only into the kinds of types that the protocols have:
// no floating-point numbers, no interfaces, no Unmarshaler but Raw, and time.Time
// as the text that it is.

var (
	errGrammar = errors.New("not JSON")
	errKind    = errors.New("no JSON for this type of Go")
	errType    = errors.New("JSON of another type")
	rawType    = reflect.TypeFor[Raw]()
	toText     = reflect.TypeFor[encoding.TextMarshaler]()
)

// leanUnmarshal is decode for the browser.
func leanUnmarshal(data []byte, v any) error {
	t := reflect.TypeOf(v).Elem()
	err := names(data, t)
	if err == nil {
		err = leanDecode(data, v)
	}
	if err != nil {
		return explain(data, t, err)
	}
	return nil
}

func leanDecode(data []byte, v any) error {
	if err := grammar(data); err != nil {
		return err
	}
	r := reader{walker{data: data}}
	return r.value(reflect.ValueOf(v).Elem())
}

// grammar checks that data is one JSON value; nesting is limited already.
func grammar(data []byte) error {
	r := reader{walker{data: data}}
	if err := r.skip(); err != nil {
		return err
	}
	if r.next(); r.pos < len(data) {
		return errGrammar
	}
	return nil
}

// reader reads a value where it stands.
type reader struct{ walker }

// skip checks one value and goes behind it.
func (r *reader) skip() error {
	switch c := r.next(); c {
	case '{', '[':
		return r.skipMany(c == '{')
	case '"':
		return r.skipString()
	}
	start := r.pos
	for r.pos < len(r.data) && literal(r.data[r.pos]) {
		r.pos++
	}
	switch s := string(r.data[start:r.pos]); {
	case s == "null", s == "true", s == "false", number(s):
		return nil
	}
	return errGrammar
}

func literal(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == 'E' || c == '-' || c == '+' || c == '.'
}

// number reports whether s is a number of RFC 8259 §6.
func number(s string) bool {
	digits := func() bool {
		had := false
		for ; s != "" && s[0] >= '0' && s[0] <= '9'; s = s[1:] {
			had = true
		}
		return had
	}
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	if s != "" && s[0] == '0' {
		s = s[1:]
	} else if !digits() {
		return false
	}
	if s != "" && s[0] == '.' {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}

// skipMany checks an object or an array.
func (r *reader) skipMany(object bool) error {
	return r.each(object, func(string) error { return r.skip() })
}

// each goes through an object or array and calls f where a value stands.
func (r *reader) each(object bool, f func(name string) error) error {
	end := byte(']')
	if object {
		end = '}'
	}
	r.pos++
	if r.next() == end {
		r.pos++
		return nil
	}
	for {
		name := ""
		if object {
			if r.next() != '"' {
				return errGrammar
			}
			start := r.pos
			if err := r.skipString(); err != nil {
				return err
			}
			name, _ = leanUnquote(r.data[start:r.pos]) // skipString checked it
			if r.next() != ':' {
				return errGrammar
			}
			r.pos++
		}
		if err := f(name); err != nil {
			return err
		}
		c := r.next()
		r.pos++
		switch c {
		case ',':
		case end:
			return nil
		default:
			return errGrammar
		}
	}
}

func (r *reader) skipString() error {
	for r.pos++; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return nil
		case c < ' ':
			return errGrammar
		case c == '\\':
			if r.pos++; r.pos == len(r.data) {
				return errGrammar
			}
			switch r.data[r.pos] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				c, n := escaped(r.data[r.pos+1:])
				if c < 0 {
					return errGrammar
				}
				r.pos += n
			default:
				return errGrammar
			}
		}
	}
	return errGrammar
}

// escaped reads what follows \u: four digits, and for a surrogate the second half
// too. n is how many bytes those are; the character is -1 when they are not there.
func escaped(b []byte) (c rune, n int) {
	c = hex4(b)
	if !utf16.IsSurrogate(c) {
		return c, 4
	}
	if len(b) < 10 || b[4] != '\\' || b[5] != 'u' {
		return -1, 0
	}
	if c = utf16.DecodeRune(c, hex4(b[6:])); c == utf8.RuneError {
		return -1, 0
	}
	return c, 10
}

// hex4 reads four hexadecimal digits; -1 if they are not there.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var n rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		n = n<<4 | rune(c)
	}
	return n
}

// leanUnquote gives the text of a JSON string.
func leanUnquote(text []byte) (string, error) {
	r := reader{walker{data: text}}
	if len(text) == 0 || text[0] != '"' || r.skipString() != nil || r.pos != len(text) {
		return "", errGrammar
	}
	text = text[1 : len(text)-1]
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		i++
		switch c = text[i]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			u, n := escaped(text[i+1:])
			i += n
			out = utf8.AppendRune(out, u)
			continue
		}
		out = append(out, c)
	}
	return string(out), nil
}

// value reads a value into v. Its grammar is checked.
func (r *reader) value(v reflect.Value) error {
	c := r.next()
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		if c == 'n' {
			v.SetZero()
			return r.skip()
		}
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
		}
		return r.value(v.Elem())
	case t == rawType:
		start := r.pos
		if err := r.skip(); err != nil {
			return err
		}
		v.SetBytes(append([]byte{}, r.data[start:r.pos]...))
		return nil
	case c == 'n':
		v.SetZero()
		return r.skip()
	case reflect.PointerTo(t).Implements(fromText):
		s, ok := r.text()
		if !ok {
			return errType
		}
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	}
	switch t.Kind() {
	case reflect.Struct:
		return r.structure(v, c)
	case reflect.Map:
		return r.table(v, c)
	case reflect.Slice:
		return r.list(v, c)
	}
	return r.scalar(v, c)
}

func (r *reader) text() (string, bool) {
	if r.next() != '"' {
		return "", false
	}
	start := r.pos
	_ = r.skipString() // the grammar is checked
	s, err := leanUnquote(r.data[start:r.pos])
	return s, err == nil
}

func (r *reader) scalar(v reflect.Value, c byte) error {
	if v.Kind() == reflect.String {
		s, ok := r.text()
		if !ok {
			return errType
		}
		v.SetString(s)
		return nil
	}
	start := r.pos
	if err := r.skip(); err != nil {
		return err
	}
	s := string(r.data[start:r.pos])
	switch v.Kind() {
	case reflect.Bool:
		if c != 't' && c != 'f' {
			return errType
		}
		v.SetBool(c == 't')
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || v.OverflowInt(n) {
			return errType
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || v.OverflowUint(n) {
			return errType
		}
		v.SetUint(n)
	default:
		return errKind
	}
	return nil
}

func (r *reader) structure(v reflect.Value, c byte) error {
	if c != '{' {
		return errType
	}
	all := membersOf(v.Type())
	return r.each(true, func(name string) error {
		for _, m := range all {
			if m.name == name {
				return r.value(v.FieldByIndex(m.index))
			}
		}
		return r.skip() // cannot be: the names are checked
	})
}

func (r *reader) table(v reflect.Value, c byte) error {
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		return errKind
	}
	if c != '{' {
		return errType
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(t))
	}
	return r.each(true, func(name string) error {
		elem := reflect.New(t.Elem()).Elem()
		if err := r.value(elem); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(t.Key()), elem)
		return nil
	})
}

func (r *reader) list(v reflect.Value, c byte) error {
	t := v.Type()
	if t.Elem().Kind() == reflect.Uint8 {
		s, ok := r.text()
		if !ok {
			return errType
		}
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return err
		}
		v.SetBytes(b)
		return nil
	}
	if c != '[' {
		return errType
	}
	v.Set(reflect.MakeSlice(t, 0, 0))
	return r.each(false, func(string) error {
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		return r.value(v.Index(n))
	})
}
