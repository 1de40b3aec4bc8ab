// Package strictjson decodes JSON that came from outside the process. It
// refuses what two parties could read differently: unknown fields, duplicate
// names, names in another case, trailing data, invalid UTF-8 and half a surrogate
// pair, deep nesting and over-long input (RFC 8259 §4 and §8.1, RFC 7493 I-JSON).
// Every decoder of the project's protocols uses it.
//
// It is encoding/json/v2, and in the browser a small reader of its own, which
// fuzz tests hold to that: there encoding/json/v2 is 220 KB.
package strictjson

import (
	"errors"
	"reflect"
	"strconv"
	"unicode/utf8"

	"countersign/shared/fault"
)

// MaxDepth is how many objects and arrays may be nested.
const MaxDepth = 16

// Unmarshal decodes one JSON value of at most limit bytes into v, which must be
// a non-nil pointer. It fails with [fault.TooLarge] when data is longer than
// limit and with [fault.Invalid] for everything else: also for null where an object
// or a text is due; inside a message it is absence. The message names the field where
// it can, and never repeats a value. The detail field is the path of the field: names
// and the numbers of elements, from 0, with dots between them (members.0.name).
func Unmarshal(data []byte, v any, limit int) error {
	if len(data) > limit {
		return whole(nil, fault.TooLarge, "is larger than "+strconv.Itoa(limit)+" bytes")
	}
	if !utf8.Valid(data) {
		return whole(nil, fault.Invalid, "is not valid UTF-8")
	}
	if string(data[:min(3, len(data))]) == "\xef\xbb\xbf" {
		return whole(nil, fault.Invalid, "begins with a byte order mark (U+FEFF): write it without one") // RFC 8259, section 8.1
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return errors.New("strictjson: decode into what is not a pointer")
	}
	if deep(data) {
		return whole(nil, fault.Invalid, "is nested too deeply")
	}
	if w := (walker{data: data}); w.next() == 'n' {
		if err := w.fits(t.Elem(), nil); err != nil {
			return err
		}
	}
	return decode(data, v)
}

func invalid(cause error) error { return whole(cause, fault.Invalid, "is not valid JSON") }

// refusal is what is wrong with a message as a whole: why is what follows "the message".
type refusal struct {
	fault *fault.Error
	why   string
}

func whole(cause error, code fault.Code, why string) error {
	return &refusal{fault.Wrap(cause, code, "the message "+why), why}
}

func (r *refusal) Error() string { return r.fault.Error() }
func (r *refusal) Unwrap() error { return r.fault }

// deep reports whether objects and arrays are nested more than MaxDepth times,
// for which encoding/json/v2 has no option yet (go.dev/issue/56733).
func deep(data []byte) bool {
	depth, inside := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{', c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}
