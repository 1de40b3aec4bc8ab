//go:build !js

package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"countersign/shared/fault"
)

// UnmarshalFile is [Unmarshal] for a file that a person wrote. Its errors speak of
// the file, and say the line and the column, both from 1, of what is not JSON.
func UnmarshalFile(data []byte, v any, limit int) error {
	err := Unmarshal(data, v, limit)
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	said := *f
	said.Message = strings.Replace(f.Message, "the message", "the file", 1)
	if f.Message != notJSON {
		return &said
	}
	var any any
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &any))
	if !ok {
		return &said
	}
	before := string(data[:max(0, min(int(syntax.Offset)-1, len(data)))])
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return fault.New(f.Code, fmt.Sprintf("the file is not valid JSON: line %d, column %d: %v", strings.Count(before, "\n")+1, len([]rune(line))+1, syntax))
}
