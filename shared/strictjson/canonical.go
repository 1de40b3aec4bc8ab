package strictjson

import (
	"bytes"
	"encoding/json"
	"reflect"

	"countersign/shared/fault"
)

// Canonical returns the one form of v that is signed or hashed: fields in the
// order of the Go struct, no white space, no escape that JSON does not require.
func Canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalCanonical is [Unmarshal] for bytes that must be in the form that
// [Canonical] gives; it fails with [fault.Invalid] when they are not.
func UnmarshalCanonical(data []byte, v any, limit int) error {
	if err := Unmarshal(data, v, limit); err != nil {
		return err
	}
	again, err := Canonical(reflect.ValueOf(v).Elem().Interface())
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the message has no canonical form")
	}
	if !bytes.Equal(again, data) {
		return fault.New(fault.Invalid, "the message is not in canonical form")
	}
	return nil
}
