//go:build !js

package strictjson

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"strings"

	"countersign/shared/fault"
)

// UnmarshalFile is [Unmarshal] for a file that a person wrote. Its errors speak of
// the file, and say the line and the column, both from 1, of what is not JSON.
func UnmarshalFile(data []byte, v any, limit int) error {
	err := Unmarshal(data, v, limit)
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return err
	}
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return fault.Wrap(errors.Unwrap(r.fault), r.fault.Code, "the file "+r.why)
	}
	before := string(data[:min(int(syntax.ByteOffset), len(data))])
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return fault.New(fault.Invalid, fmt.Sprintf("the file is not valid JSON: line %d, column %d: %v", strings.Count(before, "\n")+1, len([]rune(line))+1, syntax.Err))
}
