package vault

import (
	"strings"
	"testing"

	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// firstLine is that of the log of [enrolled], or an entry with another number.
func firstLine(t testing.TB, seq int64) string {
	t.Helper()
	e := entry(t, signedlog.Genesis, begun(t, enrolling(), aliceKey, bobKey))
	e.Seq, e.Prev = seq, strings.Repeat("A", 43)
	payload, err := strictjson.Canonical(e)
	if err != nil {
		t.Fatal(err)
	}
	line, err := jws.Sign(t.Context(), statementKey, statement.TypEntry, payload)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestALogBeginsWithTheKeyThatItIsVerifiedWith(t *testing.T) {
	t.Parallel()
	g, key, err := Begins(firstLine(t, 0))
	if err != nil || g.Entity != "ent_sandbox" || !key.Equal(statementKey.PublicKey()) {
		t.Errorf("%s, %v", g.Entity, err)
	}
	for name, line := range map[string]string{"a later line": firstLine(t, 1), "nothing": "", "something else": registers(t, "Erin", erinKey, nil)} {
		if _, _, err := Begins(line); err == nil {
			t.Errorf("%s begins a log", name)
		}
	}
}

func FuzzBegins(f *testing.F) {
	f.Add(firstLine(f, 0))
	f.Fuzz(func(t *testing.T, line string) {
		if g, key, err := Begins(line); err == nil && key.JWK() != g.Signer.Statement {
			t.Error("the key is another than the genesis names")
		}
	})
}
