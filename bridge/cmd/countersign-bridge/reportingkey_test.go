package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/apikey"
	"countersign/shared/fingerprint"
	"countersign/shared/intent"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

func TestASecretOfAReportingKeyStaysInItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounting.key")
	code, out, errs := command(t, "reporting-key", "new", "--name", "Accounting", "--account", "acc_treasury", "--account", "acc_trading", "--until", "2027-11-20", "--sandbox", "--out", path)
	if code != 0 {
		t.Fatal(errs)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSuffix(string(data), "\n")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 || !strings.HasPrefix(secret, apikey.Test) || !apikey.WellFormed(secret) {
		t.Errorf("%v, %v", info, err)
	}
	if strings.Contains(out+errs, secret) {
		t.Error("the secret was printed")
	}
	var body wire.RequestInput
	if err := strictjson.Unmarshal([]byte(strings.TrimSuffix(out, "\n")), &body, wire.MaxBody); err != nil {
		t.Fatal(err)
	}
	draft, err := intent.Draft(body.Intent)
	k, ok := draft.(intent.ReportingKeyCreate)
	if err != nil || !ok || k.Verifier != apikey.Verifier(secret) || k.Reads != intent.ReadsAccounts || len(k.Accounts) != 2 || k.Accounts[1].Account != "acc_trading" || k.Accounts[0].Name != "" || k.Expires != 1826668800 {
		t.Errorf("%+v, %v", draft, err)
	}
	print, err := fingerprint.Of(k.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range append(print.Words(), print.Digits()...) {
		if !strings.Contains(errs, word) {
			t.Errorf("%s is not among what it says: %s", word, errs)
		}
	}
	code, shown, _ := command(t, "reporting-key", "show", path)
	if code != 0 || shown != errs || strings.Contains(shown, secret) {
		t.Errorf("%d, %s", code, shown)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, shown, errs := command(t, "reporting-key", "show", path); code == 0 || shown != "" || !strings.Contains(errs, "chmod") {
		t.Errorf("a secret that others may read: %d, %s, %s", code, shown, errs)
	}
	if code, _, errs := command(t, "reporting-key", "new", "--name", "Accounting", "--all-accounts", "--out", path); code == 0 || !strings.Contains(errs, "exists") {
		t.Errorf("it overwrote the secret: %d, %s", code, errs)
	}
}

func TestWhatIsWrongWithAReportingKeyIsSaidBeforeItsSecretIsMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	for says, args := range map[string][]string{
		"say what it may read":   {"--name", "Accounting"},
		"can't be used together": {"--name", "Accounting", "--account", "acc_a", "--all-accounts"},
		"accounts.1.account":     {"--name", "Accounting", "--account", "acc_treasury", "--account", "treasury"},
		"name":                   {"--name", "Ac\u202ecounting", "--all-accounts"},
		"--until":                {"--name", "Accounting", "--all-accounts", "--until", "tomorrow"},
	} {
		if code, _, errs := command(t, append([]string{"reporting-key", "new", "--out", path}, args...)...); code == 0 || !strings.Contains(errs, says) {
			t.Errorf("%v: %d, %s", args, code, errs)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a secret was written")
	}
	if err := os.WriteFile(path, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command(t, "reporting-key", "show", path); code == 0 || strings.Contains(errs, "hunter2") {
		t.Errorf("%d, %s", code, errs)
	}
}
