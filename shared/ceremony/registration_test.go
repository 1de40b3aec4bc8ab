package ceremony

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/spec"
	"countersign/shared/statement"
)

func registration() statement.Registration {
	return statement.Registration{V: 1, Type: "registration", Entity: "ent_example", Member: "mem_alice", Name: "Alice", Approval: seed(2).PublicKey().JWK(),
		Channel: seed(12).PublicKey().JWK(), ChannelIn: statement.InToken, IssuedAt: noon}
}

func TestARegistrationIsReadWithTheFingerprintThatItsSenderSaw(t *testing.T) {
	t.Parallel()
	token, err := Register(t.Context(), seed(2), registration())
	if err != nil {
		t.Fatal(err)
	}
	r, digest, err := Registered(token)
	if err != nil || r != registration() {
		t.Fatalf("%+v, %v", r, err)
	}
	said, err := Registrant(token)
	if err != nil || !strings.Contains(said, "Alice (mem_alice) of ent_example") || strings.Count(said, "In words") != 4 {
		t.Errorf("%s, %v", said, err)
	}
	for field, edit := range map[string]func(*statement.Registration){
		"entity": func(r *statement.Registration) { r.Entity = "ent_other" }, "member": func(r *statement.Registration) { r.Member = "mem_alicia" },
		"name": func(r *statement.Registration) { r.Name = "Alicia" }, "channel": func(r *statement.Registration) { r.Channel = seed(13).PublicKey().JWK() },
	} {
		changed := registration()
		edit(&changed)
		again, err := Register(t.Context(), seed(2), changed)
		if err != nil {
			t.Fatal(err)
		}
		if _, other, err := Registered(again); err != nil || other == digest {
			t.Errorf("another %s has the same fingerprint, %v", field, err)
		}
	}
}

func TestARegistrationThatItsKeyDidNotSignIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := Register(t.Context(), seed(3), registration()); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("signed by another: %v", err)
	}
	payload, err := statement.Encode(registration())
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]struct {
		key seed
		typ string
	}{"by another key": {3, statement.TypRegistration}, "for another purpose": {2, statement.TypApproval}} {
		token, err := jws.Sign(t.Context(), by.key, by.typ, payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Registered(token); fault.CodeOf(err) != fault.SignatureInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Registered(strings.Repeat("a", MaxRegistration+1)); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("a long one: %v", err)
	}
	long := registration()
	long.Name, long.Member, long.Entity = strings.Repeat("界", 64), "mem_"+strings.Repeat("a", 40), "ent_"+strings.Repeat("a", 40)
	if token, err := Register(t.Context(), seed(2), long); err != nil || len(token) >= MaxRegistration {
		t.Errorf("the longest has %d bytes, %v", len(token), err)
	}
	spec.Limit(t, "statement.md", "registration, as a file", spec.Number(MaxRegistration))
}

func TestAnIntentSaysWhatWasRegistered(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{intent.KindMemberInvite, intent.KindMemberReplaceKeys} {
		doc := intent.Doc(spec.Examples(t, "intent.md", kind+", version 1", "json")[0])
		i, err := intent.Open(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := Holds(i, "ent_sandbox"); err != nil {
			t.Errorf("the page's %s: %v", kind, err)
		}
		if err := Holds(i, "ent_other"); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a %s of another vault: %v", kind, err)
		}
		_, says := i.(intent.Registering).Registered()
		for what, was := range map[string]string{"name": says.Name, "member": says.Member, "key": says.Keys.Approval.X, "fingerprint": says.Keys.Fingerprint} {
			changed, err := intent.Open(intent.Doc(strings.ReplaceAll(string(doc), `"`+was+`"`, `"`+was[:len(was)-1]+`o"`)))
			if err != nil {
				t.Fatal(err)
			}
			if err := Holds(changed, "ent_sandbox"); fault.CodeOf(err) != fault.SignatureInvalid {
				t.Errorf("a %s with another %s than was registered: %v", kind, what, err)
			}
		}
	}
	if err := Holds(intent.AdminRulePut{}, "ent_sandbox"); err != nil {
		t.Error(err)
	}
}

func FuzzRegistered(f *testing.F) {
	token, err := Register(f.Context(), seed(2), registration())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add(token[:len(token)-4] + "AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		r, digest, err := Registered(token)
		if err != nil {
			return
		}
		if payload, err := statement.Encode(r); err != nil || Digest(payload) != digest {
			t.Errorf("%+v comes back with another digest, %v", r, err)
		}
	})
}
