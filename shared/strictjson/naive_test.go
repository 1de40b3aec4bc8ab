//go:build !js

package strictjson

import (
	"bytes"
	"encoding/json"
	"encoding/json/jsontext"
	"fmt"
	"io"
	"reflect"
	"testing"
	"unicode/utf8"

	"countersign/shared/fault"
)

// naive is the slow and obvious form of [Unmarshal], on the tokens of
// encoding/json and with its own refusal of unknown fields. What it accepts is
// what is accepted.
func naive(data []byte, v any, limit int) error {
	if len(data) > limit {
		return fault.New(fault.TooLarge, "too large")
	}
	if !utf8.Valid(data) {
		return fault.New(fault.Invalid, "not UTF-8")
	}
	if !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) { // half a surrogate pair
		return fault.New(fault.Invalid, "the message is not valid JSON")
	}
	w := naiveWalker{dec: json.NewDecoder(bytes.NewReader(data))}
	w.dec.UseNumber()
	if err := w.value(reflect.TypeOf(v).Elem(), "", 0); err != nil {
		return err
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return fault.New(fault.Invalid, "there is data after the JSON value")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fault.Wrap(err, fault.Invalid, "the message is not valid JSON")
	}
	return nil
}

type naiveWalker struct{ dec *json.Decoder }

func (w *naiveWalker) value(t reflect.Type, path string, depth int) error {
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

func (w *naiveWalker) object(t reflect.Type, path string, depth int) error {
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

func (w *naiveWalker) end() error {
	if _, err := w.dec.Token(); err != nil {
		return fault.Wrap(err, fault.Invalid, "the message is not valid JSON")
	}
	return nil
}

func FuzzNaive(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","amount":{"currency":"EUR"},"tags":{"a":"b"}}`, `{"open":[[[{"a":1}]]]}`, `{"n\u0061me":"a","name":"b"}`, `1"a"`, `{"name":"a"}x`,
		`{"name":"a",}`, `[1,]`, `{"open":{"a":{"b":1,"b":2}}}`, `{"open":1e5}`, `{"open":-}`, `{"name":null,"amount":null,"list":[{}]}`, ` {} `, `{"\ud800":1}`,
		`{"name":"\"}`, `{"open":tru}`, `{"open":[}]}`, `{"name" "a"}`, `{"open":"a" "b"}`, "{\"name\":\"\x01\"}", `{"tags":{"a":1}}`, `{"list":{}}`, `{"open":01}`, `{"open":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var fast, slow body
		got, want := Unmarshal(data, &fast, 4096), naive(data, &slow, 4096)
		if fault.CodeOf(got) != fault.CodeOf(want) {
			t.Fatalf("%q: %v, want %v", data, got, want)
		}
		if got == nil && !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%q: %+v, want %+v", data, fast, slow)
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	data := []byte(`{"name":"` + string(bytes.Repeat([]byte("a"), 1500)) + `","amount":{"currency":"EUR"},"list":[{"currency":"a"},{"currency":"b"}],"tags":{"a":"b"}}`)
	for name, f := range map[string]func([]byte, any, int) error{"this": Unmarshal, "naive": naive} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var v body
				if err := f(data, &v, 1<<16); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
