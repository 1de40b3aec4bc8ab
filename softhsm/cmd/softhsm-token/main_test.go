package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/softhsm"
)

func TestTheExportsAreForAShellAndHoldWhatIsNeeded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	var out bytes.Buffer
	if err := run(t.Context(), cli{Dir: dir, Label: "alice's", Key: []string{"a:P-256", "b:secp256k1:derive"}}, nil, &out); err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("sh", "-c", `eval "$1"; printf '%s\n' "$SOFTHSM2_CONF" "$PKCS11_MODULE" "$PKCS11_TOKEN" "$PKCS11_PIN"`, "sh", out.String())
	got, err := shell.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(got)), "\n")
	if len(lines) != 4 {
		t.Fatalf("the shell has %q", lines)
	}
	if lines[0] != filepath.Join(dir, "softhsm2.conf") || lines[2] != "alice's" || len(lines[3]) != 8 {
		t.Errorf("the shell has %q", lines)
	}
	for _, file := range lines[:2] {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}

func TestTokensAreDescribedInJSON(t *testing.T) {
	in := strings.NewReader(`[{"label":"one","keys":[{"label":"k","curve":"P-256","sign":true,"derive":false}]},{"label":"two","pin":"4711","keys":[]}]`)
	var out bytes.Buffer
	if err := run(t.Context(), cli{Dir: t.TempDir(), JSON: "-"}, in, &out); err != nil {
		t.Fatal(err)
	}
	var store softhsm.Store
	if err := json.Unmarshal(out.Bytes(), &store); err != nil {
		t.Fatal(err)
	}
	one, _ := store.Token("one")
	two, _ := store.Token("two")
	if key, ok := one.Key("k"); !ok || len(key.Public) != 65 || len(one.PIN) != 8 || two.PIN != "4711" {
		t.Errorf("store %+v", store)
	}
	if err := run(t.Context(), cli{Dir: t.TempDir(), JSON: "-"}, strings.NewReader(`[{"lable":"one"}]`), &out); err == nil {
		t.Error("an unknown field was accepted")
	}
}

func TestKeysAreDescribedInOneWord(t *testing.T) {
	for word, want := range map[string]softhsm.Key{
		"a:P-256":            {Label: "a", Curve: "P-256", Sign: true},
		"a:secp256k1:sign":   {Label: "a", Curve: "secp256k1", Sign: true},
		"a:secp256k1:derive": {Label: "a", Curve: "secp256k1", Derive: true},
	} {
		got, err := parseKey(word)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", word, cmp.Diff(want, got), err)
		}
	}
	for _, word := range []string{"", "a", "a:b:c:d", "a:P-256:encrypt"} {
		if _, err := parseKey(word); err == nil {
			t.Errorf("%q was accepted", word)
		}
	}
}
