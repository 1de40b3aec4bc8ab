package statement

import (
	"fmt"
	"testing"

	"countersign/shared/governance"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func TestThePagesExamplesAreStatements(t *testing.T) {
	t.Parallel()
	one := func(kind string) []byte { return []byte(spec.Examples(t, "statement.md", kind, "json")[0]) }
	a, err := Decode[Approval](one("approval"))
	if err != nil {
		t.Fatal(err)
	}
	spec.Shows(t, "an approval", string(one("approval")), a, "initiator", "initiator_name", "impact", "effects")
	i, err := Decode[Initiation](one("initiation"))
	if err != nil {
		t.Fatal(err)
	}
	spec.Shows(t, "an initiation", string(one("initiation")), i)
	if text := spec.Examples(t, "statement.md", "initiation", "")[0]; text != textOf(i.decision()) {
		t.Errorf("the page shows\n%s\nthe code\n%s", text, textOf(i.decision()))
	}
	r, err := Decode[Review](one("review"))
	if err != nil {
		t.Errorf("the review: %v", err)
	}
	spec.Shows(t, "a review", string(one("review")), r, "recorded", "governed_by.use_within")
	v, err := Decode[Verdict](one("verdict"))
	if err != nil || v != r.Answer(v.Verdict, v.Reason, v.IssuedAt) {
		t.Errorf("the verdict: %v", err)
	}
	spec.Shows(t, "a verdict", string(one("verdict")), v)
	rate, err := Decode[Rate](one("rate"))
	if err != nil {
		t.Errorf("the rate: %v", err)
	}
	spec.Shows(t, "a rate", string(one("rate")), rate)
	m, err := Decode[Member](one("member"))
	if err != nil {
		t.Errorf("the certificate: %v", err)
	}
	spec.Shows(t, "a certificate", string(one("member")), m)
	at, err := Decode[Address](one("address"))
	if err != nil {
		t.Errorf("the attestation: %v", err)
	}
	spec.Shows(t, "an attestation", string(one("address")), at)
	g, err := Decode[Genesis](one("genesis"))
	if err != nil {
		t.Errorf("the genesis: %v", err)
	}
	spec.Shows(t, "a genesis", string(one("genesis")), g, "groups", "whitelists", "accounts.rules.rules", "accounts.rules.holidays", "accounts.rules.rate_source", "accounts.tier", "accounts.parent", "accounts.sweep")
	registered, err := Decode[Registration](one("registration"))
	if err != nil {
		t.Errorf("the registration: %v", err)
	}
	spec.Shows(t, "a registration", string(one("registration")), registered, "channel_proof", "driver")
	succession, err := Decode[Succession](one("succession"))
	if err != nil {
		t.Errorf("the succession: %v", err)
	}
	spec.Shows(t, "a succession", string(one("succession")), succession)
	approved, err := Decode[GenesisApproval](one("genesis-approval"))
	if err != nil {
		t.Errorf("the approval of a genesis: %v", err)
	}
	spec.Shows(t, "an approval of a genesis", string(one("genesis-approval")), approved)
	if text := spec.Examples(t, "statement.md", "approval", "")[0]; text != textOf(a) {
		t.Errorf("the page shows\n%s\nthe code\n%s", text, textOf(a))
	}
	group := sample()
	group.Intent = []byte(spec.Examples(t, "intent.md", "group.put, version 1", "json")[0])
	group.GovernedBy.RuleSet, group.GovernedBy.Version, group.GovernedBy.Rule = governance.Admin, 1, "administrators"
	var impact Impact
	if err := strictjson.Unmarshal([]byte(spec.Examples(t, "statement.md", "impact", "json")[0]), &impact, MaxSize); err != nil {
		t.Fatal(err)
	}
	spec.Shows(t, "an impact", spec.Examples(t, "statement.md", "impact", "json")[0], impact)
	group.Impact = &impact
	if text := spec.Examples(t, "intent.md", "What changes the vault", "")[0]; text != textOf(group) {
		t.Errorf("the page shows\n%s\nthe code\n%s", text, textOf(group))
	}
	if text := spec.Examples(t, "intent.md", "replace, version 1", "")[0]; text != textOf(sampleReplace(t)) {
		t.Errorf("the page shows\n%s\nthe code\n%s", text, textOf(sampleReplace(t)))
	}
	if text := spec.Examples(t, "intent.md", "message, version 1", "")[0]; text != textOf(sampleMessage(t)) {
		t.Errorf("the page shows\n%s\nthe code\n%s", text, textOf(sampleMessage(t)))
	}
	if text := spec.Examples(t, "intent.md", "transfer, version 1", "")[0]; text != textOf(sampleTransfer()) {
		t.Errorf("the page shows\n%s\nthe code\n%s", text, textOf(sampleTransfer()))
	}
}

func TestThePageHasThePurposesAndTheLimits(t *testing.T) {
	t.Parallel()
	spec.Same(t, "purposes", spec.Column(t, "statement.md", "Form", "typ", 0), []string{TypApproval, TypInitiation, "countersign-journal-head+jws", TypReview, TypVerdict, TypRate, TypMember, TypAddress, TypRegistration, TypGenesisApproval, TypSuccession, TypEntry, TypCheckpoint})
	spec.Limit(t, "statement.md", "statement", spec.Number(MaxSize))
	spec.Limit(t, "statement.md", "life of an approval statement", fmt.Sprintf("%.0f s", Lifetime.Seconds()))
	spec.Limit(t, "statement.md", "a bridge's clock behind the signer's", fmt.Sprintf("%.0f s", Skew.Seconds()))
}
