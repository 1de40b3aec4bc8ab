//go:build !js

package strictjson

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Raw is a JSON value that stays as it was written.
type Raw = json.RawMessage

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// readsItself reports whether a type has a form of its own.
func readsItself(t reflect.Type) bool {
	return t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}

// decode reads data, whose names are checked, into v.
func decode(data []byte, v any) error {
	return json.Unmarshal(data, v) // it checks the whole grammar
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func unquote(text []byte) (string, error) {
	var s string
	err := json.Unmarshal(text, &s)
	return s, err
}

func compact(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.Bytes(), err
}
