//go:build !js

package strictjson

import (
	"bytes"
	jsonv1 "encoding/json"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"reflect"
)

// Raw is a JSON value that stays as it was written.
type Raw = jsontext.Value

var (
	unmarshaler = reflect.TypeFor[json.Unmarshaler]()

	reading = json.JoinOptions(jsonv1.FormatByteArrayAsArray(true), json.RejectUnknownMembers(true))

	// The form of what is signed or stored does not change with the library's defaults.
	writing = json.JoinOptions(
		jsonv1.FormatByteArrayAsArray(true), jsonv1.OmitEmptyWithLegacySemantics(true),
		json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true), json.Deterministic(true),
		jsontext.EscapeForJS(true), jsontext.PreserveRawStrings(true), jsontext.AllowInvalidUTF8(true))
)

// readsItself reports whether a type has a form of its own.
func readsItself(t reflect.Type) bool {
	return t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}

func decode(data []byte, v any) error {
	if err := json.Unmarshal(data, v, reading); err != nil {
		return explain(data, reflect.TypeOf(v).Elem(), err)
	}
	return nil
}

func encode(v any) ([]byte, error) { return json.Marshal(v, writing) }

func compact(raw []byte) ([]byte, error) {
	c := Raw(bytes.Clone(raw))
	err := c.Compact()
	return c, err
}
