//go:build !js

package strictjson

import (
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestAFileThatIsNotJSONIsToldByLineAndColumn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n  \"name\": \"a\",\n}":  "the file is not valid JSON: line 2, column 14: ",
		"{\n  \"name\": \"ä\", }\n": "the file is not valid JSON: line 2, column 14: ",
		"{\"name\" \"a\"}":          "the file is not valid JSON: line 1, column 9: ",
		"{\n\"name\": \"a\"\n":      "the file is not valid JSON: line ",
		"":                          "the file is not valid JSON: line 1, column 1: ",
		"{\"nam\": 1}":              `unknown field "nam"`,
		"[]":                        "the file must be an object",
		"{\"name\":\"" + strings.Repeat("a", 200) + "\"}": "the file is larger than 100 bytes",
	} {
		var v struct {
			Name string `json:"name"`
		}
		err := UnmarshalFile([]byte(text), &v, 100)
		if f, ok := fault.As(err); !ok || !strings.HasPrefix(f.Message, want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	var v map[string]string
	if err := UnmarshalFile([]byte("{\"name\": \"a\"}\n"), &v, 100); err != nil || v["name"] != "a" {
		t.Errorf("%v, %v", v, err)
	}
}
