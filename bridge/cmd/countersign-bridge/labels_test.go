package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/softhsm"
	tokenfault "countersign/softhsm/fault"
)

// What is written into a token stands in the prompts and the output of each command
// without its tricks, and the commands find the token and the key by what they print.
func TestALabelStandsWithoutItsTricksInWhatEveryCommandSays(t *testing.T) {
	t.Parallel()
	for what, label := range map[string]string{
		"a line": "a\nYou pay 25.00 EUR", "an escape": "\x1b[2J", "no text": "Caf\xe9", "NUL at the end": "plain\x00", "blanks before": "  plain",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, softhsm.Spec{Label: label, PIN: "12345678", Keys: []softhsm.Key{
				{Label: label, Curve: jws.P256, Sign: true}, {Label: label, ID: "2", Curve: jws.P256, Sign: true}}})
			shown := name.Shown(strings.TrimRight(label, "\x00"))
			script, err := json.Marshal(map[string]any{"log": "log", "pins": map[string]any{shown: []string{"87654321", "12345678"}}, "confirm": []string{"approve"}})
			if err != nil {
				t.Fatal(err)
			}
			path, log := prompted(t, string(script), func(m map[string]any) { m["modules"] = []string{f.Module} })
			run := func(status int, args ...string) (out, errs string) {
				t.Helper()
				code, out, errs := command(t, args...)
				if code != status {
					t.Fatalf("%q: %d, %s", args, code, errs)
				}
				for _, line := range strings.Split(out+errs, "\n") {
					if strings.ContainsFunc(line, func(r rune) bool { return !name.Visible(r) }) || strings.HasPrefix(strings.TrimLeft(line, " >"), "You pay") {
						t.Errorf("%q says %q", args, line)
					}
				}
				return out, errs
			}
			list, _ := run(0, "keys", "list", "--config", path)
			uris := printedURI.FindAllString(list, -1)
			if len(uris) != 2 {
				t.Fatalf("listed %q", uris)
			}
			token := uris[0][:strings.Index(uris[0], ";object=")]
			run(0, "doctor", "--config", path)
			out, _ := run(0, "keys", "generate", "--config", path, "--token", token, "--curve", "P-256", "--only", "approval")
			var m made
			if err := json.Unmarshal([]byte(out), &m); err != nil || !strings.HasPrefix(m.ApprovalKey, token+";") {
				t.Errorf("%s, %v", out, err)
			}
			run(1, "keys", "generate", "--config", path, "--token", token, "--curve", "P-256", "--only", "approval") // it is there already
			for _, uri := range append(uris, m.ApprovalKey) {
				run(0, "keys", "export-public", "--config", path, uri)
				run(1, "keys", "attest", "--config", path, uri)
			}
			run(0, "keys", "delete", "--config", path, m.ApprovalKey)
			run(1, "keys", "export-public", "--config", path, m.ApprovalKey)
			f.Set(tokenfault.Flags(0x00040000)) // CKF_USER_PIN_LOCKED
			run(1, "keys", "delete", "--config", path, uris[0])
			f.Set(tokenfault.PINPad("12345678", 0))
			run(0, "keys", "delete", "--config", path, uris[0])
			f.Vanish()
			run(1, "keys", "generate", "--config", path, "--token", token)
			run(0, "journal", "show", "--config", path)
			prompts, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			var text func(v any)
			text = func(v any) {
				switch v := v.(type) {
				case string:
					for _, line := range strings.Split(v, "\n") {
						if strings.ContainsFunc(line, func(r rune) bool { return !name.Visible(r) }) || strings.HasPrefix(strings.TrimLeft(line, " >"), "You pay") {
							t.Errorf("a prompt has the line %q", line)
						}
					}
				case map[string]any:
					for _, w := range v {
						text(w)
					}
				}
			}
			for _, line := range strings.Split(strings.TrimSpace(string(prompts)), "\n") {
				var v map[string]any
				if err := json.Unmarshal([]byte(line), &v); err != nil {
					v = map[string]any{"line": line}
				}
				text(v)
			}
		})
	}
}
