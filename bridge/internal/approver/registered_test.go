package approver

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/spec"
	"countersign/shared/statement"
)

// serveExample has the vault ask for the page's example of a kind that changes it.
func (g *rig) serveExample(kind, before, after string) {
	g.t.Helper()
	doc := strings.ReplaceAll(spec.Examples(g.t, "intent.md", kind+", version 1", "json")[0], before, after)
	g.vault.serve = func(a *statement.Approval) {
		a.GovernedBy.RuleSet, a.GovernedBy.Rule = governance.Admin, "administrators"
		impact := statement.Summarize(a.Key, 1, []string{"nothing changes for 1 past request"})
		a.Impact = &impact
		a.Intent = intent.Doc(doc)
	}
}

func TestAnAdministratorReadsTheFingerprintOfWhoJoins(t *testing.T) {
	t.Parallel()
	for kind, what := range map[string]string{intent.KindMemberInvite: "a new member", intent.KindMemberReplaceKeys: "a key replacement"} {
		g := newRig(t)
		g.serveExample(kind, "", "")
		if _, err := g.mustOpen(g.mustConnect(), "mem_alice").decide(t.Context(), "req_0001", statement.Approve); err != nil {
			t.Fatal(err)
		}
		shown, _ := g.person.questions()
		last := shown[len(shown)-1]
		if last.Title != "Approve "+what+" of Sandbox" || strings.Count(last.Text, "\nIn words ") != 4 || strings.Count(last.Text, "\nIn digits ") != 2 {
			t.Errorf("%s\n%s", last.Title, last.Text)
		}
	}
}

// The bridge does not take the vault's word for whose keys a person compares.
func TestKeysThatWereNotRegisteredSoAreNotShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][3]string{
		"another name":         {intent.KindMemberInvite, `"name":"Erin"`, `"name":"Carol"`},
		"another member":       {intent.KindMemberInvite, `"member":"mem_erin"`, `"member":"mem_eve"`},
		"another fingerprint":  {intent.KindMemberInvite, `"fingerprint":"TS0h`, `"fingerprint":"TS0i`},
		"another key":          {intent.KindMemberReplaceKeys, `"x":"W-XpR4IJZ0`, `"x":"W-XpR4IJZ1`},
		"a changed signature":  {intent.KindMemberInvite, `y5g","keys"`, `y5A","keys"`},
		"the registration cut": {intent.KindMemberReplaceKeys, `"registration":"e`, `"registration":"`},
	} {
		g := newRig(t)
		g.serveExample(c[0], c[1], c[2])
		_, err := g.mustOpen(g.mustConnect(), "mem_alice").decide(t.Context(), "req_0001", statement.Approve)
		wantCode(t, name, err, fault.SignatureInvalid)
		if shown, _ := g.person.questions(); len(shown) != 1 { // the pairing
			t.Errorf("%s: the person was asked %d times", name, len(shown))
		}
	}
}
