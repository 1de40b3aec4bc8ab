package gateway_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	. "countersign/web/internal/gateway/gatewaytest"
)

// keyOf is a key that is made with a token of another.
func keyOf(w *World, maker, name string) wire.NewKey {
	w.T.Helper()
	k, err := w.Gateway.NewKey(w.T.Context(), w.SignIn(maker, dev), wire.KeyInput{Name: name, Scopes: wire.Scopes()}, name+rand.Text())
	if err != nil {
		w.T.Fatal(err)
	}
	return k
}

func idsOf(keys []wire.Key) (all []string) {
	for _, k := range keys {
		all = append(all, k.ID)
	}
	return all
}

func TestTheListSaysWithWhichKeyEachKeyWasMade(t *testing.T) {
	t.Parallel()
	w := New(t)
	one := newKey(w, "One")
	two := keyOf(w, one.APIKey, "Two")
	three := must[wire.NewKey](t)(w.Gateway.RotateKey(t.Context(), w.SignIn(two.APIKey, dev), one.Key.ID, wire.RotateInput{Overlap: 60}, "rotate"))
	for _, k := range must[wire.Keys](t)(w.Gateway.Keys(t.Context(), w.SignIn(APIKey, dev))).Keys {
		want := map[string]string{one.Key.ID: "key_ofsandbox", two.Key.ID: one.Key.ID, three.Key.ID: two.Key.ID}[k.ID]
		if k.Maker != want {
			t.Errorf("%s was made with %q, want %q", k.Name, k.Maker, want)
		}
	}
}

func TestWhoRevokesAStolenKeySeesWhatItMadeAndWhatOfThatStays(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	stolen, other := newKey(w, "Stolen"), newKey(w, "Other")
	a := keyOf(w, stolen.APIKey, "A")
	b := keyOf(w, a.APIKey, "B")
	taken := must[wire.NewKey](t)(w.Gateway.RotateKey(ctx, w.SignIn(b.APIKey, dev), other.Key.ID, wire.RotateInput{}, "take"))
	token := w.SignIn(b.APIKey, dev)
	must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(APIKey, dev), a.Key.ID, false))
	v := must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(APIKey, dev), stolen.Key.ID, false))
	if made := []string{a.Key.ID, b.Key.ID, taken.Key.ID}; !slices.Equal(idsOf(v.Made), made) || !slices.Equal(v.Stay, made[1:]) || v.State != wire.KeyRevoked {
		t.Errorf("%+v", v)
	}
	if !tradeable(w, b.APIKey) || !tradeable(w, taken.APIKey) {
		t.Error("keys that it made ended without being asked to")
	}
	v = must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(APIKey, dev), stolen.Key.ID, true))
	if len(v.Made) != 3 || v.Stay != nil || slices.ContainsFunc(v.Made, func(k wire.Key) bool { return k.State != wire.KeyRevoked }) {
		t.Errorf("%+v", v)
	}
	for _, k := range []wire.NewKey{stolen, a, b, taken} {
		if tradeable(w, k.APIKey) {
			t.Errorf("%s still works", k.Key.Name)
		}
	}
	Refused(t, w.Gateway.Still(ctx, token), fault.Unauthenticated)
	if !tradeable(w, APIKey) {
		t.Error("the key that made the stolen one ended")
	}
}

// A question that was let in before the revocation is answered after it.
func TestATokenOfARevokedKeyMakesNoKeyAnyMore(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	stolen := newKey(w, "Stolen")
	c := w.SignIn(stolen.APIKey, dev)
	must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(APIKey, dev), stolen.Key.ID, true))
	_, err := w.Gateway.NewKey(ctx, c, wire.KeyInput{Name: "Late", Scopes: wire.Scopes()}, "late")
	Refused(t, err, fault.Unauthenticated)
	_, err = w.Gateway.RotateKey(ctx, c, "key_ofsandbox", wire.RotateInput{}, "late")
	Refused(t, err, fault.Unauthenticated)
	if !tradeable(w, APIKey) {
		t.Error("a refused rotation changed the key")
	}
}

func TestALostAnswerOfOneKeyIsNotGivenToAnother(t *testing.T) {
	t.Parallel()
	w := New(t)
	other := newKey(w, "Other")
	in := wire.KeyInput{Name: "Once", Scopes: wire.Scopes()}
	must[wire.NewKey](t)(w.Gateway.NewKey(t.Context(), w.SignIn(APIKey, dev), in, "same"))
	_, err := w.Gateway.NewKey(t.Context(), w.SignIn(other.APIKey, dev), in, "same")
	Refused(t, err, fault.Conflict)
}

// Whoever has a stolen key cannot hide what it made behind many keys of no use.
func TestWhatAKeyMadeIsFoundAfterTheKeysBetweenWereRemoved(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	stolen := newKey(w, "Stolen")
	last := keyOf(w, stolen.APIKey, "A")
	must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(last.APIKey, dev), stolen.Key.ID, false))
	for i := range gateway.KeysKept + 5 {
		last = must[wire.NewKey](t)(w.Gateway.RotateKey(ctx, w.SignIn(last.APIKey, dev), last.Key.ID, wire.RotateInput{}, fmt.Sprint("hide ", i)))
	}
	// stolen was made with the key of the configuration, and has made room: that is asked
	v := must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(APIKey, dev), "key_ofsandbox", true))
	if !slices.Contains(idsOf(v.Made), last.Key.ID) || len(v.Stay) != 0 || tradeable(w, last.APIKey) {
		t.Errorf("%d found, %v stay", len(v.Made), v.Stay)
	}
}
