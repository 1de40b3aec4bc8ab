package vault

import (
	"slices"
	"testing"

	"countersign/shared/signedlog"
)

func TestAGenesisThatAnAdministratorDidNotSignIsRefused(t *testing.T) {
	t.Parallel()
	good := begun(t, enrolling(), aliceKey, bobKey)
	renamed := enrolling()
	renamed.EntityName = "Sandbox Limited"
	for name, edit := range map[string]func(b *signedlog.GenesisBody){
		"nobody signed":            func(b *signedlog.GenesisBody) { b.Approvals = []string{} },
		"one did not":              func(b *signedlog.GenesisBody) { b.Approvals = b.Approvals[:1] },
		"one signed twice":         func(b *signedlog.GenesisBody) { b.Approvals[1] = b.Approvals[0] },
		"one more than there are":  func(b *signedlog.GenesisBody) { b.Approvals = append(b.Approvals, b.Approvals[0]) },
		"in another order":         func(b *signedlog.GenesisBody) { slices.Reverse(b.Approvals) },
		"another genesis":          func(b *signedlog.GenesisBody) { b.Genesis = begun(t, renamed).Genesis },
		"a signature that changed": func(b *signedlog.GenesisBody) { b.Approvals[1] = b.Approvals[1][:len(b.Approvals[1])-2] + "AA" },
	} {
		b := signedlog.GenesisBody{Genesis: good.Genesis, Approvals: slices.Clone(good.Approvals)}
		edit(&b)
		w := &writer{t, New(statementKey.PublicKey(), nil), noon}
		if err := w.try(signedlog.Genesis, b); err == nil || len(w.s.members) > 0 || w.s.Mark().Size != 0 {
			t.Errorf("%s: %v, with %d members", name, err, len(w.s.members))
		}
	}
	w := &writer{t, New(statementKey.PublicKey(), nil), noon}
	if err := w.try(signedlog.Genesis, good); err != nil || len(w.s.members) != 2 {
		t.Errorf("what all signed: %v, with %d members", err, len(w.s.members))
	}
}
