package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"countersign/shared/strictjson"
)

func TestTheExampleOfTheHelpIsAScript(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(help, "{")
	example, _, found := strings.Cut("{"+rest, "\n  }\n")
	if !found {
		t.Fatal("the help has no example")
	}
	example += "\n}"
	var s script
	if err := strictjson.Unmarshal([]byte(example), &s, maxScript); err != nil {
		t.Fatal(err)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[script]()) {
		if name := f.Tag.Get("json"); !strings.Contains(help, "\n"+name+" ") || reflect.ValueOf(s).FieldByIndex(f.Index).IsZero() {
			t.Errorf("the help does not explain or show %s", name)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "script.json")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0000", "123456", "123456"} {
		if answer, err := take(path, dialog{title: "PIN of alice", prompt: "PIN:"}); err != nil || answer != want {
			t.Errorf("PIN %d: %q, %v", i, answer, err)
		}
	}
	if answer, err := take(path, dialog{title: "PIN of carol", prompt: "PIN:"}); err != nil || answer != "decline" {
		t.Errorf("a token without answers: %q, %v", answer, err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "prompts.jsonl"))
	if err != nil || strings.Contains(string(log), "123456") || strings.Count(string(log), `"kind":"pin"`) != 4 {
		t.Errorf("the log is %s, %v", log, err)
	}
}
