package gateway_test

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/claims"
	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	. "countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

const dev = "dev_sandbox"

// tradeable reports whether an API key gives a token for dev_sandbox.
func tradeable(w *World, key string) bool {
	w.T.Helper()
	_, err := w.Gateway.Token(context.Background(), wire.TokenRequest{APIKey: key, ID: dev, UserType: wire.UserDeveloper}, gateway.Visit{Client: "192.0.2.1"})
	if err != nil && fault.CodeOf(err) != fault.InvalidAPIKey {
		w.T.Fatal(err)
	}
	return err == nil
}

// newKey is a key of dev_sandbox with all scopes.
func newKey(w *World, name string) wire.NewKey {
	w.T.Helper()
	return keyOf(w, APIKey, name)
}

func TestADeveloperHasSeveralKeysThatAreShownOnce(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	back, reports := newKey(w, "Back office"), newKey(w, "Reports")
	for _, k := range []wire.NewKey{back, reports} {
		if !apikey.WellFormed(k.APIKey) || !strings.HasPrefix(k.APIKey, apikey.Test) || !tradeable(w, k.APIKey) {
			t.Errorf("%+v", k)
		}
	}
	list := must[wire.Keys](t)(w.Gateway.Keys(ctx, w.SignIn(back.APIKey, dev)))
	if len(list.Keys) != 3 || list.Keys[0].Name != "Reports" || list.Keys[1].State != wire.KeyActive || list.Keys[1].Used == nil || list.Keys[2].MadeBy != store.ByConfiguration {
		t.Errorf("%+v", list)
	}
	text := append(must[[]byte](t)(os.ReadFile(w.Path)), must[[]byte](t)(os.ReadFile(w.Path+"-wal"))...)
	for _, k := range []wire.NewKey{back, reports} {
		if strings.Contains(string(text), k.APIKey) {
			t.Error("an API key is stored as it is")
		}
	}
	if tradeable(w, OtherKey) {
		t.Error("the key of another developer works")
	}
}

func TestARevokedKeyAndItsTokensEndAtOnceAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	one, two := newKey(w, "One"), newKey(w, "Two")
	reply := must[wire.TokenReply](t)(w.Gateway.Token(ctx, wire.TokenRequest{APIKey: one.APIKey, ID: "ent_sandbox", UserType: wire.UserEntity}, gateway.Visit{Client: "192.0.2.1"}))
	listener := must[gateway.Caller](t)(w.Gateway.Authenticate(ctx, reply.AccessToken, gateway.Proof{}))
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- w.Gateway.Events(ctx, listener, func(all []wire.Change) error {
			if all == nil {
				close(begun)
			}
			return nil
		})
	}()
	<-begun
	beside, stop := w.Beside() // another process on the same database
	t.Cleanup(stop)
	start := time.Now()
	v := must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(two.APIKey, dev), one.Key.ID, false))
	if v.State != wire.KeyRevoked || v.Revoked == nil {
		t.Errorf("%+v", v)
	}
	for _, g := range []*gateway.Gateway{w.Gateway, beside} {
		_, err := g.Authenticate(ctx, reply.AccessToken, gateway.Proof{})
		Refused(t, err, fault.Unauthenticated)
	}
	if tradeable(w, one.APIKey) || !tradeable(w, two.APIKey) || !tradeable(w, APIKey) {
		t.Error("the wrong key was revoked")
	}
	Refused(t, <-ended, fault.Unauthenticated)
	if took := time.Since(start); took > 10*time.Second { // it looks twice a second; a computer that is busy takes longer
		t.Errorf("a stream that was open ended after %v", took)
	}
	again := must[wire.RevokedKey](t)(w.Gateway.RevokeKey(ctx, w.SignIn(two.APIKey, dev), one.Key.ID, false))
	if !again.Revoked.Equal(*v.Revoked) {
		t.Error("revoked a second time")
	}
}

func TestARotatedKeyWorksForTheOverlap(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	old := must[wire.NewKey](t)(w.Gateway.NewKey(ctx, w.SignIn(APIKey, dev), wire.KeyInput{Name: "Back office", Scopes: wire.Scopes(), ExpiresIn: 7200}, "make"))
	w.Pass(30 * time.Minute)
	next := must[wire.NewKey](t)(w.Gateway.RotateKey(ctx, w.SignIn(APIKey, dev), old.Key.ID, wire.RotateInput{Overlap: 600}, "rotate"))
	if next.Key.Replaces != old.Key.ID || next.Key.Name != "Back office" || !slices.Equal(next.Key.Scopes, wire.Scopes()) || next.Key.Expires.Sub(*next.Key.Created) != 2*time.Hour {
		t.Errorf("%+v", next.Key)
	}
	w.Pass(9 * time.Minute)
	if !tradeable(w, old.APIKey) || !tradeable(w, next.APIKey) {
		t.Error("in the overlap both keys work")
	}
	reply := must[wire.TokenReply](t)(w.Gateway.Token(ctx, wire.TokenRequest{APIKey: old.APIKey, ID: dev, UserType: wire.UserDeveloper}, gateway.Visit{Client: "192.0.2.1"}))
	if reply.ExpiresIn != 60 {
		t.Errorf("a token lives %d seconds, and its key 60", reply.ExpiresIn)
	}
	w.Pass(time.Minute)
	if tradeable(w, old.APIKey) || !tradeable(w, next.APIKey) {
		t.Error("after the overlap the old key works")
	}
	if _, err := w.Gateway.Authenticate(ctx, reply.AccessToken, gateway.Proof{}); err == nil {
		t.Error("a token outlives its key")
	}
	_, err := w.Gateway.RotateKey(ctx, w.SignIn(APIKey, dev), old.Key.ID, wire.RotateInput{}, "rotate-again")
	Refused(t, err, fault.Conflict)
	last := must[wire.NewKey](t)(w.Gateway.RotateKey(ctx, w.SignIn(APIKey, dev), next.Key.ID, wire.RotateInput{}, "at once"))
	if tradeable(w, next.APIKey) || !tradeable(w, last.APIKey) {
		t.Error("without an overlap the old key works on")
	}
}

func TestALostAnswerIsReplacedByAnotherSecretOfTheSameKey(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	c, in := w.SignIn(APIKey, dev), wire.KeyInput{Name: "Once", Scopes: []string{wire.ScopeDeveloperTokens}}
	lost := must[wire.NewKey](t)(w.Gateway.NewKey(ctx, c, in, "same"))
	again := must[wire.NewKey](t)(w.Gateway.NewKey(ctx, c, in, "same"))
	if again.Key.ID != lost.Key.ID || again.APIKey == lost.APIKey || tradeable(w, lost.APIKey) {
		t.Errorf("%+v, then %+v", lost, again)
	}
	if !tradeable(w, again.APIKey) {
		t.Error("the second secret does not work")
	}
	_, err := w.Gateway.NewKey(ctx, c, in, "same")
	Refused(t, err, fault.Conflict) // it is in use: another secret would break that
}

func TestAKeyGivesOnlyWhatItHas(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	narrow := must[wire.NewKey](t)(w.Gateway.NewKey(ctx, w.SignIn(APIKey, dev), wire.KeyInput{Name: "Keys", Scopes: []string{wire.ScopeDeveloperTokens, wire.ScopeKeys}}, "narrow"))
	c := w.SignIn(narrow.APIKey, dev)
	_, err := w.Gateway.NewKey(ctx, c, wire.KeyInput{Name: "Wide", Scopes: []string{wire.ScopeKeys, wire.ScopeWrite}}, "wide")
	Refused(t, err, fault.Forbidden)
	wide := newKey(w, "Wide")
	_, err = w.Gateway.RotateKey(ctx, c, wide.Key.ID, wire.RotateInput{Overlap: 60}, "steal")
	Refused(t, err, fault.Forbidden)
	if !tradeable(w, wide.APIKey) {
		t.Error("a refused rotation changed the key")
	}
	_, err = w.Gateway.Token(ctx, wire.TokenRequest{APIKey: narrow.APIKey, ID: "ent_sandbox", UserType: wire.UserEntity}, gateway.Visit{Client: "192.0.2.1"})
	Refused(t, err, fault.Forbidden)
	for _, name := range []string{"key_of" + "other", "key_nothing"} {
		_, err = w.Gateway.RevokeKey(ctx, c, name, true)
		Refused(t, err, fault.NotFound)
	}
}

func TestKeysOfOneDeveloperAreBounded(t *testing.T) {
	t.Parallel()
	w := New(t)
	ctx := t.Context()
	ring := gateway.Keyring{Store: w.Store, Env: "sandbox", Now: w.Now, Rand: rand.Reader}
	in := wire.KeyInput{Name: "Many", Scopes: wire.Scopes()}
	for range gateway.KeysLive - 1 {
		must[wire.NewKey](t)(ring.Create(ctx, dev, in, store.ByOperator, rand.Text()))
	}
	_, err := ring.Create(ctx, dev, in, store.ByOperator, rand.Text())
	Refused(t, err, fault.Conflict)
	all := must[wire.Keys](t)(ring.List(ctx, dev))
	for range gateway.KeysKept {
		k := must[wire.NewKey](t)(ring.Rotate(ctx, dev, all.Keys[0].ID, wire.RotateInput{}, store.ByOperator, rand.Text()))
		all.Keys[0] = k.Key
	}
	if all = must[wire.Keys](t)(ring.List(ctx, dev)); len(all.Keys) != gateway.KeysKept || !tradeable(w, APIKey) {
		t.Errorf("%d keys are kept", len(all.Keys))
	}
	_, err = ring.List(ctx, "dev_nothing")
	Refused(t, err, fault.NotFound)
}

func TestAKeyOfTheConfigurationThatWasRevokedStaysSo(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	p := gateway.Principal{ID: "dev_a", Name: "A", APIKey: keyA, Entities: []string{"ent_a"}}
	w.follow("sandbox", p)
	ring := gateway.Keyring{Store: w.Store, Env: "sandbox", Now: w.Now, Rand: rand.Reader}
	made := must[wire.NewKey](t)(ring.Create(t.Context(), "dev_a", wire.KeyInput{Name: "Made", Scopes: wire.Scopes()}, store.ByOperator, "x"))
	all := must[wire.Keys](t)(ring.List(t.Context(), "dev_a"))
	must[wire.RevokedKey](t)(ring.Revoke(t.Context(), "dev_a", all.Keys[1].ID, false))
	w.follow("sandbox", p)
	if w.token("dev_a", keyA) != "" {
		t.Error("a start brought a revoked key back")
	}
	Refused(t, ring.Configured(t.Context(), "dev_a"), fault.Conflict)
	p.APIKey = keyB
	w.follow("sandbox", p)
	if err := ring.Configured(t.Context(), "dev_a"); err != nil {
		t.Error(err)
	}
	if w.token("dev_a", keyB) == "" || w.token("dev_a", made.APIKey) == "" {
		t.Error("the next key of the configuration, and those made beside it, must work")
	}
	p.APIKey = "" // keys are made with the program alone
	w.follow("sandbox", p)
	if w.token("dev_a", keyB) != "" || w.token("dev_a", made.APIKey) == "" {
		t.Error("a configuration without a key takes back its own, and no other")
	}
}

// The database of a sandbox that becomes another environment's takes no key along.
func TestAKeyWorksInItsEnvironmentAlone(t *testing.T) {
	t.Parallel()
	w := New(t)
	ring := gateway.Keyring{Store: w.Store, Env: "live", Now: w.Now, Rand: rand.Reader}
	k := must[wire.NewKey](t)(ring.Create(t.Context(), dev, wire.KeyInput{Name: "Live", Scopes: wire.Scopes()}, store.ByOperator, "x"))
	if !strings.HasPrefix(k.APIKey, apikey.Live) || tradeable(w, k.APIKey) {
		t.Errorf("a key of another environment works in the sandbox: %+v", k.Key)
	}
}

func TestThePageHasTheScopesAndBoundsOfKeys(t *testing.T) {
	t.Parallel()
	spec.Same(t, "scopes", spec.Column(t, "tokens.md", "API keys", "scope", 0), wire.Scopes())
	spec.Limit(t, "tokens.md", "API keys of one developer", spec.Number(gateway.KeysLive), spec.Number(gateway.KeysKept))
	spec.Limit(t, "tokens.md", "life of an API key", spec.Number(wire.MinKeyLife), spec.Number(wire.MaxKeyLife))
	spec.Limit(t, "tokens.md", "overlap of a rotation", spec.Number(wire.MaxOverlap))
	spec.Limit(t, "tokens.md", "token", spec.Number(claims.MaxToken), spec.Number(claims.MaxHeader))
}
