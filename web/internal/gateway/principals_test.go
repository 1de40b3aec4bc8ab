package gateway_test

import (
	"slices"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	. "countersign/web/internal/gateway/gatewaytest"
)

// followed is a world whose database follows a configuration.
type followed struct{ *World }

func (w followed) follow(env string, all ...gateway.Principal) []string {
	w.T.Helper()
	disabled, err := gateway.Follow(w.T.Context(), w.Store, env, w.Now(), all)
	if err != nil {
		w.T.Fatal(err)
	}
	return disabled
}

// token is one for an entity, or for a developer when id is one's; empty when the
// key gets none.
func (w followed) token(id, key string) string {
	w.T.Helper()
	kind := wire.UserEntity
	if id[:3] == "dev" {
		kind = wire.UserDeveloper
	}
	r, err := w.Gateway.Token(w.T.Context(), wire.TokenRequest{APIKey: key, ID: id, UserType: kind}, gateway.Visit{Client: "192.0.2.1"})
	if err != nil {
		Refused(w.T, err, fault.InvalidAPIKey)
	}
	return r.AccessToken
}

// lets reports whether a token is accepted, in the name of an entity.
func (w followed) lets(token, entity string) bool {
	w.T.Helper()
	c, err := w.Gateway.Authenticate(w.T.Context(), token, gateway.Proof{})
	if err == nil {
		_, err = w.Gateway.InEntity(w.T.Context(), c, entity)
	}
	return err == nil
}

const keyA, keyB, keyC = "a key of 16 characters or more: A", "a key of 16 characters or more: B", "a key of 16 characters or more: C"

func TestDevelopersAndEntitiesThatWereRemovedHaveNoAccess(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	a := gateway.Principal{ID: "dev_a", Name: "A", APIKey: keyA, Entities: []string{"ent_a1", "ent_a2"}}
	b := gateway.Principal{ID: "dev_b", Name: "B", APIKey: keyB, Entities: []string{"ent_b1"}}
	w.follow("live", a, b)
	devA, a1, a2, devB, b1 := w.token("dev_a", keyA), w.token("ent_a1", keyA), w.token("ent_a2", keyA), w.token("dev_b", keyB), w.token("ent_b1", keyB)
	all := map[string]bool{}
	check := func(when string, want ...string) {
		t.Helper()
		all = map[string]bool{
			"dev_a as ent_a1": w.lets(devA, "ent_a1"), "dev_a as ent_a2": w.lets(devA, "ent_a2"), "ent_a1": w.lets(a1, ""), "ent_a2": w.lets(a2, ""),
			"dev_b as ent_b1": w.lets(devB, "ent_b1"), "ent_b1": w.lets(b1, ""), "dev_b as ent_a2": w.lets(devB, "ent_a2"),
		}
		for who, has := range all {
			if has != slices.Contains(want, who) {
				t.Errorf("%s: %s has access: %v", when, who, has)
			}
		}
	}
	check("at first", "dev_a as ent_a1", "dev_a as ent_a2", "ent_a1", "ent_a2", "dev_b as ent_b1", "ent_b1")

	a.Entities = []string{"ent_a1"}
	if got := w.follow("live", a, b); !slices.Equal(got, []string{"ent_a2"}) {
		t.Errorf("disabled %v", got)
	}
	check("without ent_a2", "dev_a as ent_a1", "ent_a1", "dev_b as ent_b1", "ent_b1")
	if w.token("ent_a2", keyA) != "" {
		t.Error("an entity that was removed got a token")
	}

	if got := w.follow("live", b); !slices.Equal(got, []string{"dev_a", "ent_a1"}) {
		t.Errorf("disabled %v", got)
	}
	check("without dev_a", "dev_b as ent_b1", "ent_b1")
	if w.token("dev_a", keyA) != "" || w.token("ent_a1", keyA) != "" {
		t.Error("a developer that was removed got a token")
	}

	a.Entities = []string{"ent_a1", "ent_a2"}
	w.follow("live", a, b)
	check("dev_a again, with its old tokens", "dev_b as ent_b1", "ent_b1")
	for _, id := range []string{"ent_a1", "ent_a2"} {
		if !w.lets(w.token(id, keyA), "") || !w.lets(w.token("dev_a", keyA), id) {
			t.Errorf("%s does not work again", id)
		}
	}

	a2 = w.token("ent_a2", keyA)
	a.Entities, b.Entities = []string{"ent_a1"}, []string{"ent_b1", "ent_a2"}
	w.follow("live", a, b)
	check("ent_a2 moved to dev_b", "dev_b as ent_b1", "ent_b1", "dev_b as ent_a2")
	a.Entities, b.Entities = []string{"ent_a1", "ent_a2"}, []string{"ent_b1"}
	w.follow("live", a, b)
	check("ent_a2 moved back", "dev_b as ent_b1", "ent_b1")

	if got := w.follow("live"); !slices.Contains(got, "dev_a") || !slices.Contains(got, "dev_b") {
		t.Errorf("an empty configuration disabled %v", got)
	}
	check("an empty configuration")
}

func TestAChangedKeyRevokesTheTokensOfTheOldOne(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	a := gateway.Principal{ID: "dev_a", Name: "A", APIKey: keyA, Entities: []string{"ent_a"}}
	w.follow("live", a)
	old, oldEntity := w.token("dev_a", keyA), w.token("ent_a", keyA)
	w.follow("live", a)
	if !w.lets(old, "ent_a") || !w.lets(oldEntity, "") {
		t.Error("a start with the same configuration revoked tokens")
	}
	a.APIKey = keyC
	w.follow("live", a)
	if w.lets(old, "ent_a") || w.lets(oldEntity, "") || w.token("dev_a", keyA) != "" {
		t.Error("the old key still counts")
	}
	if !w.lets(w.token("ent_a", keyC), "") {
		t.Error("the new key does not work")
	}
	a.APIKey = keyA
	w.follow("live", a)
	if w.lets(old, "ent_a") || w.lets(oldEntity, "") {
		t.Error("tokens of before came back with the key")
	}
}

func TestAConfigurationThatSaysTwoThingsChangesNothing(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	a := gateway.Principal{ID: "dev_a", APIKey: keyA, Entities: []string{"ent_a"}}
	w.follow("live", a)
	token := w.token("ent_a", keyA)
	for name, all := range map[string][]gateway.Principal{
		"an entity of two":        {a, {ID: "dev_b", APIKey: keyB, Entities: []string{"ent_a"}}},
		"an entity twice":         {{ID: "dev_a", APIKey: keyA, Entities: []string{"ent_a", "ent_a"}}},
		"a developer twice":       {a, {ID: "dev_a", APIKey: keyB}},
		"a developer without id":  {{APIKey: keyA, Entities: []string{"ent_a"}}},
		"an entity without an id": {{ID: "dev_a", APIKey: keyA, Entities: []string{""}}},
	} {
		if _, err := gateway.Follow(t.Context(), w.Store, "live", w.Now(), all); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if !w.lets(token, "") {
			t.Errorf("%s changed who has access", name)
		}
	}
}

func TestDevelopersOfTheSandboxStayInIt(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	made, err := w.Gateway.Sandbox(t.Context(), wire.SandboxInput{Name: "Acme", DeveloperID: "d"}, "192.0.2.1", "")
	if err != nil {
		t.Fatal(err)
	}
	w.follow("sandbox")
	if !w.lets(made.Data.Token, made.Data.Entity.ID) {
		t.Error("a start of the sandbox removed what it had made")
	}
	w.follow("live")
	if w.lets(made.Data.Token, made.Data.Entity.ID) || w.token(made.Data.Developer.ID, made.Data.Developer.APIKey) != "" {
		t.Error("a developer of the sandbox has access outside it")
	}
}
