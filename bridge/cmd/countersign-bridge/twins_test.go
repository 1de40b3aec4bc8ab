package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"countersign/shared/jws"
	"countersign/softhsm"
)

var printedURI = regexp.MustCompile(`pkcs11:[^\s"]+`)

// A label is not an identity: two tokens may have the same. What is printed is accepted,
// and what is not clear is said before a PIN is asked for.
func TestEveryURIThatIsPrintedIsAccepted(t *testing.T) {
	t.Parallel()
	var each [2]*softhsm.Faulty
	for i := range each {
		each[i] = softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", PIN: "12345678", Keys: []softhsm.Key{
			{Label: "old", Curve: jws.P256, Sign: true}, {Label: "odd name; 100%/ü", ID: "\x01\xff", Curve: jws.P256, Sign: true}, {Label: "old", ID: "2", Curve: jws.Secp256k1, Derive: true}}})
	}
	path, _ := prompted(t, `{"log":"log","pins":{"alice":["12345678"]},"confirm":["approve"]}`,
		func(m map[string]any) { m["modules"] = []string{each[0].Module, each[1].Module} })

	logins := func() int { return each[0].Calls("C_Login") + each[1].Calls("C_Login") }
	refused(t, []string{"2 tokens match", "serial="}, "keys", "generate", "--config", path, "--token", "alice")
	refused(t, []string{"2 tokens match", "serial="}, "keys", "delete", "--config", path, "pkcs11:token=alice;object=old;id=2")
	refused(t, []string{"2 tokens match", "serial="}, "keys", "export-public", "--config", path, "pkcs11:token=alice;object=old;id=2")
	if n := logins(); n != 0 {
		t.Errorf("%d PINs were given before it was clear to which token", n)
	}

	uris := printedURI.FindAllString(must(t, "keys", "list", "--config", path), -1)
	if len(uris) != 6 {
		t.Fatalf("listed %q", uris)
	}
	var out made
	token := uris[0][:strings.Index(uris[0], ";object=")]
	if err := json.Unmarshal([]byte(must(t, "keys", "generate", "--config", path, "--token", token, "--curve", "P-256", "--only", "approval")), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.ApprovalKey, token+";") {
		t.Errorf("made %q in %q", out.ApprovalKey, token)
	}
	before := logins()
	for _, uri := range append(uris, out.ApprovalKey) {
		must(t, "keys", "export-public", "--config", path, uri)
		if out := must(t, "keys", "delete", "--config", path, uri); !strings.HasPrefix(out, "deleted ") {
			t.Errorf("%s: %s", uri, out)
		}
	}
	if list := must(t, "keys", "list", "--config", path); strings.Contains(list, "pkcs11:") || logins() != before+14 {
		t.Errorf("%s; %d PINs", list, logins()-before)
	}
}
