package strictjson

import (
	"bytes"
	"reflect"

	"countersign/shared/fault"
)

// Canonical returns the one form of v that is signed or hashed: fields in the
// order of the Go struct, no white space, no escape that JSON does not require.
func Canonical(v any) ([]byte, error) {
	return encode(v)
}

// Compact returns a JSON value without the white space between its parts.
func Compact(raw []byte) ([]byte, error) { return compact(raw) }

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
