package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPolicyAllowsTheConfiguredDashboardsAndNothingElse(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "bridge.json")
	body := `{"listen":[],"origins":["https://pay.example.com","https://pay.example.com:8443","https://other.example.org"],"modules":[],"identities":[],"signer_file":"","state_dir":"s","prompt":"","pinentry":""}`
	if err := os.WriteFile(config, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	const urls = `["https://pay.example.com","https://pay.example.com:8443","https://other.example.org"]`
	for browser, want := range map[string]string{
		"chrome":  `{"LocalNetworkAccessAllowedForUrls":` + urls + `,"LoopbackNetworkAllowedForUrls":` + urls + `}`,
		"edge":    `{"LocalNetworkAccessAllowedForUrls":` + urls + `,"LoopbackNetworkAllowedForUrls":` + urls + `}`,
		"firefox": `{"policies":{"LocalNetworkAccess":{"SkipDomains":["pay.example.com","other.example.org"]}}}`,
	} {
		var out, errs strings.Builder
		if code := run(t.Context(), []string{"browser-policy", browser, "--config", config}, stdio{&out, &errs}); code != 0 {
			t.Fatalf("%s: %d %s", browser, code, errs.String())
		}
		var got any
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
			t.Fatal(err)
		}
		if compact, err := json.Marshal(got); err != nil || string(compact) != want {
			t.Errorf("%s: %s, want %s", browser, compact, want)
		}
	}
}

func TestTheProgramDescribesItself(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"man":                    ".TH COUNTERSIGN-BRIDGE 1",
		"version":                "countersign-bridge 0.",
		"completion bash --code": "complete -o default -o bashdefault -C ",
		"completion zsh --code":  "compinit",
		"completion fish --code": "complete -f -c countersign-bridge",
	} {
		var out, errs strings.Builder
		if code := run(t.Context(), strings.Fields(args), stdio{&out, &errs}); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %d\n%s\n%s", args, code, out.String(), errs.String())
		}
	}
}
