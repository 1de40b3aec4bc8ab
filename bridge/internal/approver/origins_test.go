package approver

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
)

// configFile writes a configuration and returns its path.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bridge.json")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

// originsOf are the origins of a configuration file.
func originsOf(t *testing.T, path string) *Origins {
	t.Helper()
	cfg, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return OpenOrigins(cfg)
}

func TestEditingOriginsLeavesTheRestOfTheConfigurationAsItIs(t *testing.T) {
	t.Parallel()
	const a, b = "https://a.example", "https://b.example"
	for name, r := range map[string]struct{ before, after string }{
		"several lines": {
			"{\n  \"modules\": [ ],\n  \"origins\": [\n    \"" + a + "\"\n  ],\n\n  \"state_dir\": \"state\"\n}\n",
			"{\n  \"modules\": [ ],\n  \"origins\": [\n    \"" + a + "\",\n    \"" + b + "\"\n  ],\n\n  \"state_dir\": \"state\"\n}\n",
		},
		"one line": {
			`{"origins":["` + a + `"],"state_dir":"state"}`,
			`{"origins":["` + a + `", "` + b + `"],"state_dir":"state"}`,
		},
		"no list yet": {
			`{"state_dir":"state"}`,
			"{\n  \"origins\": [\"" + b + "\"],\"state_dir\":\"state\"}",
		},
		"a value that looks like it": {
			`{"signer_file":"origins","origins":[],"state_dir":"state"}`,
			`{"signer_file":"origins","origins":["` + b + `"],"state_dir":"state"}`,
		},
	} {
		path := configFile(t, r.before)
		if added, err := originsOf(t, path).AddOrigin(b, func() error { return nil }); err != nil || !added {
			t.Fatalf("%s: %t, %v", name, added, err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != r.after {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if list := originsOf(t, path).Allowed(); !slices.Contains(list, b) {
			t.Errorf("%s: %v", name, list)
		}
		if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
	}
}

func TestAnOriginIsAddedOnceAndOnlyInItsExactForm(t *testing.T) {
	t.Parallel()
	path := configFile(t, `{"origins":["https://a.example"],"state_dir":"state"}`)
	o := originsOf(t, path)
	called := 0
	before := func() error { called++; return nil }
	if added, err := o.AddOrigin("https://a.example", before); added || err != nil || called != 0 {
		t.Errorf("again: %t, %v, %d", added, err, called)
	}
	for _, bad := range []string{"https://b.example/", "https://B.example", "http://b.example", "b.example", "null", `https://b.example"`} {
		if _, err := o.AddOrigin(bad, before); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	refused := errors.New("no journal")
	if added, err := o.AddOrigin("https://b.example", func() error { return refused }); added || !errors.Is(err, refused) {
		t.Errorf("without a journal: %t, %v", added, err)
	}
	if err := o.RemoveOrigin("https://b.example", func() { called++ }); fault.CodeOf(err) != fault.NotFound || called != 0 {
		t.Errorf("remove what is not there: %v, %d", err, called)
	}
	if err := o.RemoveOrigin("https://a.example", func() { called++ }); err != nil || called != 1 {
		t.Errorf("remove: %v", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != `{"origins":[],"state_dir":"state"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestABrokenConfigurationKeepsTheOriginsThatWere(t *testing.T) {
	t.Parallel()
	path := configFile(t, `{"origins":["https://a.example"],"state_dir":"state"}`)
	o := originsOf(t, path)
	if err := os.WriteFile(path, []byte(`{"origins":["https://a.example"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.RemoveOrigin("https://a.example", func() {}); err == nil || !strings.Contains(err.Error(), "JSON") {
		t.Errorf("%v", err)
	}
	if list := o.Allowed(); len(list) != 1 {
		t.Errorf("%v", list)
	}
}

func TestABadOriginCostsNoOther(t *testing.T) {
	t.Parallel()
	log := &lines{}
	g := newRig(t, func(g *rig) { g.log = log; g.cfg.Origins = []string{"https://a.example/", origin} })
	g.mustConnect()
	if !strings.Contains(log.String(), "an origin of the configuration is left out") || !strings.Contains(log.String(), "without a path") {
		t.Errorf("the log says nothing of it: %s", log.String())
	}
	path := configFile(t, `{"origins":["https://a.example/","https://b.example"],"state_dir":"s"}`)
	o := originsOf(t, path)
	if list, leftOut := o.List(); len(leftOut) != 1 || !slices.Equal(list, []string{"https://b.example"}) {
		t.Errorf("%v, %v", list, leftOut)
	}
	if err := o.RemoveOrigin("https://a.example/", func() {}); err != nil {
		t.Error(err)
	}
	if cfg, err := Load(path); err != nil || !slices.Equal(cfg.Origins, []string{"https://b.example"}) {
		t.Errorf("%v, %v", cfg.Origins, err)
	}
}

func FuzzSetMember(f *testing.F) {
	f.Add([]byte(`{"origins":["https://a.example"],"state_dir":"s"}`))
	f.Add([]byte("{\n\t\"state_dir\" : \"origins\"\n}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "bridge.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(path)
		if err != nil {
			return
		}
		out, err := setMember(data, "origins", []string{"https://b.example"})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Load(path)
		if err != nil || !slices.Equal(again.Origins, []string{"https://b.example"}) || again.SignerFile != cfg.SignerFile || len(again.Identities) != len(cfg.Identities) {
			t.Fatalf("%s: %+v, %v", out, again, err)
		}
	})
}
