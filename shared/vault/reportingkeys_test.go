package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/strictjson"
)

// verifier is of a secret with a number.
func verifier(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "secret %d", n))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// reader is a draft of a reporting key for accounts; of none: for all.
func reader(key string, secret int, accounts ...string) intent.ReportingKeyCreate {
	k := intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: key, Name: "Accounting", Reads: intent.ReadsAll, Verifier: verifier(secret)}
	for _, a := range accounts {
		k.Reads, k.Accounts = intent.ReadsAccounts, append(k.Accounts, intent.NamedAccount{Account: a})
	}
	return k
}

func revokes(key string, from int) intent.ReportingKeyRevoke {
	return intent.ReportingKeyRevoke{Kind: intent.KindReportingKeyRevoke, V: 1, ReportingKey: key, FromVersion: from}
}

func TestAReportingKeyReadsFromItsApprovalToItsRevocation(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	if _, ok := w.s.Reporting("rpk_accounting"); ok {
		t.Error("a key that nobody asked for")
	}
	first := reader("rpk_accounting", 1, ruled)
	first.Expires = noon + 7200
	w.edited(reqOf(1), first)
	k, ok := w.s.Reporting("rpk_accounting")
	if !ok || k.All() || !k.Reads(ruled) || k.Reads("acc_other") || k.Verifier != verifier(1) || w.s.ReportingKey("rpk_accounting").Version != 1 {
		t.Errorf("%v, %+v", ok, k)
	}
	for at, want := range map[int64]string{noon: intent.Active, noon + 7199: intent.Active, noon + 7200: intent.Expired} {
		if got := k.At(at); got != want {
			t.Errorf("at noon and %d seconds it is %s", at-noon, got)
		}
	}
	w.edited(reqOf(2), reader("rpk_auditor", 2))
	if k, _ := w.s.Reporting("rpk_auditor"); !k.All() || !k.Reads("acc_created_later") || k.At(noon+1e9) != intent.Active {
		t.Errorf("%+v", k)
	}
	before := w.s.Mark().Size
	w.edited(reqOf(3), revokes("rpk_accounting", 1))
	if k, _ := w.s.Reporting("rpk_accounting"); k.At(noon) != intent.Revoked || k.At(noon+7200) != intent.Revoked || w.s.ReportingKey("rpk_accounting").Version != 2 {
		t.Errorf("%+v", k)
	}
	was := w.s.Before(before)
	if k, _ := was.Reporting("rpk_accounting"); k.State != intent.Active || was.ReportingKey("rpk_accounting").Version != 1 {
		t.Errorf("before it was revoked: %+v", k)
	}
	if _, ok := w.s.Before(1).Reporting("rpk_accounting"); ok {
		t.Error("before all changes there was a key")
	}
}

func TestAReportingKeyThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.edited(reqOf(1), reader("rpk_accounting", 1, ruled))
	w.edited(reqOf(2), reader("rpk_former", 2))
	w.edited(reqOf(3), revokes("rpk_former", 1))
	for name, c := range map[string]struct {
		draft intent.Change
		code  fault.Code
		field string
	}{
		"another key of its secret":              {reader("rpk_second", 1, ruled), fault.Invalid, "verifier"},
		"a secret that was revoked":              {reader("rpk_second", 2), fault.Invalid, "verifier"},
		"an id that is taken, with other scope":  {reader("rpk_accounting", 3), fault.Conflict, "reporting_key"},
		"an id that was revoked, active again":   {reader("rpk_former", 3), fault.Conflict, "reporting_key"},
		"an account that the vault doesn't have": {reader("rpk_second", 3, "acc_other"), fault.NotFound, "accounts.0.account"},
		"a revocation of what is revoked":        {revokes("rpk_former", 2), fault.Conflict, "reporting_key"},
	} {
		filled, err := c.draft.Fill(w.s)
		if err == nil {
			err = w.s.Fits(filled)
		}
		if f, _ := fault.As(err); f == nil || f.Code != c.code || f.Details["field"] != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAVaultHasAsManyReportingKeysAsItsLimit(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	for n := range MaxReportingKeys {
		w.edited(reqOf(n), reader(fmt.Sprintf("rpk_number%d", n), n))
	}
	more, err := reader("rpk_more", MaxReportingKeys).Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.s.Fits(more); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("one more than the limit: %v", err)
	}
	w.edited(reqOf(100), revokes("rpk_number7", 1))
	if err := w.s.Fits(more); err != nil {
		t.Errorf("after one was revoked: %v", err)
	}
}

func TestASnapshotKeepsReportingKeysAndAVaultWithoutAnyHasTheFormOfBefore(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	if doc, err := strictjson.Canonical(w.s.Governance); err != nil || bytes.Contains(doc, []byte("reporting")) {
		t.Errorf("%s, %v", doc, err)
	}
	w.edited(reqOf(1), reader("rpk_accounting", 1, ruled))
	w.edited(reqOf(2), reader("rpk_former", 2))
	w.edited(reqOf(3), revokes("rpk_former", 1))
	data, err := w.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Restore(data, statementKey.PublicKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if k, _ := again.Reporting("rpk_former"); k.State != intent.Revoked {
		t.Errorf("%+v", k)
	}
	if k, _ := again.Reporting("rpk_accounting"); k.State != intent.Active || !k.Reads(ruled) {
		t.Errorf("%+v", k)
	}
	if second, err := again.Snapshot(); err != nil || !bytes.Equal(second, data) {
		t.Errorf("restored it has another snapshot: %v", err)
	}
}
