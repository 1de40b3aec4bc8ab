package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"countersign/shared/jws"
	"countersign/softhsm"
	tokenfault "countersign/softhsm/fault"
)

// No answer could be the right PIN: the person types the word, and nothing happens
// without it.
func TestCommandsAskForTheWordAndNoPINWhereATokenNeedsNone(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "open"})
	f.Set(tokenfault.NoPIN(f.Token.PIN))
	path, log := prompted(t, `{"log":"log","pins":{"open":["none","none","none"]},"allow":["decline","approve"],"confirm":["decline","approve"]}`,
		func(m map[string]any) { m["modules"] = []string{f.Module} })
	generate := []string{"keys", "generate", "--config", path, "--token", "open"}
	refused(t, []string{"DECLINED"}, generate...)
	if n := f.Calls("C_GenerateKeyPair"); n != 0 {
		t.Errorf("%d keys were made without the word", n)
	}
	var m made
	if err := json.Unmarshal([]byte(must(t, generate...)), &m); err != nil || m.Approval.Crv != jws.Secp256k1 {
		t.Fatal(err)
	}
	if list := must(t, "keys", "list", "--config", path); strings.Count(list, "pkcs11:") != 2 {
		t.Error(list)
	}
	for _, uri := range []string{m.ApprovalKey, m.ChannelKey} {
		must(t, "keys", "export-public", "--config", path, uri)
	}
	certify(t, path, m)
	must(t, "journal", "verify", "--config", path, "--sign")
	must(t, "journal", "show", "--config", path)
	refused(t, []string{"DECLINED"}, "keys", "delete", "--config", path, "--force", m.ChannelKey)
	if out := must(t, "keys", "delete", "--config", path, "--force", m.ChannelKey); !strings.HasPrefix(out, "deleted ") {
		t.Error(out)
	}
	if _, out, _ := command(t, "doctor", "--config", path); !strings.Contains(out, "needs no PIN") || strings.Contains(out, "never set") {
		t.Error(out)
	}
	shown, err := os.ReadFile(log)
	if err != nil || strings.Contains(string(shown), `"kind":"pin"`) || f.Calls("C_Login") != 0 {
		t.Errorf("%d logins, %v\n%s", f.Calls("C_Login"), err, shown)
	}
}
