package signer

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
)

// reads is a reporting key of a secret, for the account of a rig.
func reads(key, secret string) intent.ReportingKeyCreate {
	sum := sha256.Sum256([]byte(secret))
	return intent.ReportingKeyCreate{
		Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: key, Name: "Accounting", Reads: intent.ReadsAccounts,
		Accounts: []intent.NamedAccount{{Account: "acc_treasury"}}, Verifier: base64.RawURLEncoding.EncodeToString(sum[:]),
	}
}

func unreads(key string, from int) intent.ReportingKeyRevoke {
	return intent.ReportingKeyRevoke{Kind: intent.KindReportingKeyRevoke, V: 1, ReportingKey: key, FromVersion: from}
}

func TestAReportingKeyIsMadeAndRevokedByTheAdministratorsAndItsSecretIsNowhere(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	const secret = "ol_test_Kb1M7K24EuBEAlojVP0Wlixajigw9C2RzoLx"
	made := g.changed(reads("rpk_accounting", secret), "mem_alice")
	if _, ok := g.service.state.Reporting("rpk_accounting"); ok {
		t.Error("one of two administrators made a key")
	}
	g.approves("mem_bob", made)
	g.restart()
	if k, ok := g.service.state.Reporting("rpk_accounting"); !ok || k.State != intent.Active || !k.Reads("acc_treasury") || k.All() {
		t.Errorf("%v, %+v", ok, k)
	}
	if code := g.change(newRequestID(t), reads("rpk_second", secret)); code != fault.Invalid {
		t.Errorf("a second key of the same secret: %q", code)
	}
	g.changed(unreads("rpk_accounting", 1), "mem_alice", "mem_bob")
	if k, _ := g.service.state.Reporting("rpk_accounting"); k.State != intent.Revoked {
		t.Errorf("%+v", k)
	}
	for name, again := range map[string]intent.Intent{"its id": reads("rpk_accounting", "another"), "its secret": reads("rpk_third", secret)} {
		if code := g.change(newRequestID(t), again); code == "" {
			t.Errorf("a key that was revoked came back by %s", name)
		}
	}
	if log := strings.Join(g.lines(), "\n"); strings.Contains(log, secret) {
		t.Error("the log has the secret")
	}
}
