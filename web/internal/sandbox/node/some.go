package node

import (
	"bytes"
	"encoding/json"
)

// some is a JSON array, a single value, or null for none.
type some[T any] []T

func (s *some[T]) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]T)(s))
	}
	var one *T
	if err := json.Unmarshal(data, &one); err != nil || one == nil {
		return err
	}
	*s = some[T]{*one}
	return nil
}
