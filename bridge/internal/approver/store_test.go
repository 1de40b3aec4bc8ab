package approver

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/bridge/internal/site"
)

func TestAListThatIsNotOneStopsTheBridgeAndLosesNothing(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":            "",
		"torn":             `{"blocks": [{"origin": "https://a.exam`,
		"another list":     `{"pairings": []}`,
		"two lists":        `{"blocks": [], "pairings": []}`,
		"an unknown field": `{"blocks": [{"origin": "https://a.example", "since": "2026-11-20T00:00:00Z", "why": ""}]}`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "blocks.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{StateDir: dir}, Deps{}); err == nil {
			t.Errorf("%s: the bridge starts", name)
		}
		if err := site.OpenBlocks(dir).Add("https://b.example", time.Now()); err == nil {
			t.Errorf("%s: it was written over", name)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%s: %q, %v", name, after, err)
		}
	}
}

func TestAListHasEachSiteOnceAndIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blocks := site.OpenBlocks(dir)
	for _, o := range []string{"https://a.example", "https://b.example", "https://a.example"} {
		if err := blocks.Add(o, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := site.OpenBlocks(dir).List(); err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	if gone, err := blocks.Unblock("https://a.example"); err != nil || len(gone) != 1 {
		t.Fatalf("%v, %v", gone, err)
	}
	if blocked, err := blocks.Has("https://a.example"); blocked || err != nil {
		t.Errorf("%t, %v", blocked, err)
	}
	if gone, err := site.OpenBlocks(dir).Unblock("all"); err != nil || len(gone) != 1 {
		t.Errorf("%v, %v", gone, err)
	}
	info, err := os.Stat(filepath.Join(dir, "blocks.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
