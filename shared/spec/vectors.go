package spec

import (
	"encoding/json"
	"os"
	"testing"

	"countersign/shared/strictjson"
)

// Vectors reads a file of vectors, a path from the package under test, and fails when it has
// not as many as the code makes. With update it writes those of the code first.
func Vectors[V any](t testing.TB, path string, update bool, code []V) (file []V) {
	t.Helper()
	if update {
		data, err := json.MarshalIndent(code, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := strictjson.Unmarshal(data, &file, 1<<20); err != nil {
		t.Fatal(err)
	}
	if len(file) != len(code) {
		t.Errorf("%d vectors in the file, %d in the test: run with -update", len(file), len(code))
	}
	return file
}
