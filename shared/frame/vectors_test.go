package frame

import (
	"os"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// vectors is shared/spec/vectors/frame.json: frames with what reading and writing
// them again gives, or the error.
type vectors struct {
	Comment string `json:"comment"`
	Cases   []struct {
		Name   string     `json:"name"`
		Frame  string     `json:"frame"`
		Again  string     `json:"again"` // the frame as this project writes it; empty when it is refused
		Params bool       `json:"params"`
		Error  fault.Code `json:"error"` // of the frame, or of the first message's params when Params is set
	} `json:"cases"`
}

func TestVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../spec/vectors/frame.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := strictjson.Unmarshal(data, &all, 1<<20); err != nil {
		t.Fatal(err)
	}
	if len(all.Cases) == 0 {
		t.Fatal("there are no vectors")
	}
	for _, v := range all.Cases {
		msgs, err := Decode([]byte(v.Frame))
		if err == nil && v.Params {
			for _, spec := range Methods() {
				if spec.Method == msgs[0].Method {
					err = DecodeParams(msgs[0], spec.Params())
				}
			}
		}
		if fault.CodeOf(err) != v.Error {
			t.Errorf("%s: code %q, want %q: %v", v.Name, fault.CodeOf(err), v.Error, err)
		}
		if v.Again == "" {
			continue
		}
		if again, err := Encode(msgs); err != nil || string(again) != v.Again {
			t.Errorf("%s: %s, %v; want %s", v.Name, again, err, v.Again)
		}
	}
}
