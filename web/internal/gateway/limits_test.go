package gateway_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	. "countersign/web/internal/gateway/gatewaytest"
)

func signIn(w *World, key, id, client string) fault.Code {
	_, err := w.Gateway.Token(w.T.Context(), wire.TokenRequest{APIKey: key, ID: id, UserType: wire.UserEntity}, client)
	return fault.CodeOf(err)
}

func TestWrongKeysLockNobodysSignIn(t *testing.T) {
	t.Parallel()
	for name, strangers := range map[string]struct {
		tries  int
		client func(i int) string
	}{
		"from many addresses":       {7500, func(i int) string { return fmt.Sprint("198.51.", i/250, ".", i%250) }},
		"from one address":          {1000, func(int) string { return "198.51.100.1" }},
		"from the entity's address": {1000, func(int) string { return "192.0.2.1" }},
	} {
		w := New(t)
		for i := range strangers.tries {
			if code := signIn(w, fmt.Sprint("a wrong key, number ", i), "ent_sandbox", strangers.client(i)); code != fault.InvalidAPIKey && code != fault.Limited {
				t.Fatalf("%s: a wrong key: %q", name, code)
			}
		}
		if code := signIn(w, APIKey, "ent_sandbox", "192.0.2.1"); code != "" {
			t.Errorf("%s: the entity's right key: %s", name, code)
		}
		if code := signIn(w, OtherKey, "ent_other", "192.0.2.2"); code != "" {
			t.Errorf("%s: another entity's right key: %s", name, code)
		}
		if code := signIn(w, "a mistyped key", "ent_other", "192.0.2.2"); code != fault.InvalidAPIKey {
			t.Errorf("%s: who mistypes a key elsewhere: %s", name, code)
		}
	}
}

func TestOneAddressMayTryThirtyWrongKeysInAMinute(t *testing.T) {
	t.Parallel()
	w := New(t)
	for i := range gateway.WrongKeys {
		if code := signIn(w, "a wrong key", fmt.Sprint("ent_", i), "198.51.100.1"); code != fault.InvalidAPIKey {
			t.Fatalf("try %d: %s", i, code)
		}
	}
	_, err := w.Gateway.Token(t.Context(), wire.TokenRequest{APIKey: "a wrong key", ID: "ent_sandbox", UserType: wire.UserEntity}, "198.51.100.1")
	if f, ok := fault.As(err); !ok || f.Code != fault.Limited || f.Details["retry_after"] != "2" {
		t.Errorf("one more: %v", err)
	}
	w.Pass(2 * time.Second)
	if code := signIn(w, "a wrong key", "ent_sandbox", "198.51.100.1"); code != fault.InvalidAPIKey {
		t.Errorf("after the wait: %s", code)
	}
}

func TestManyEntitiesSignInBehindOneProxy(t *testing.T) {
	t.Parallel()
	w := New(t)
	for range gateway.TokensMinted {
		if code := signIn(w, APIKey, "ent_sandbox", "10.0.0.1"); code != "" {
			t.Fatal(code)
		}
	}
	if code := signIn(w, APIKey, "ent_sandbox", "10.0.0.1"); code != fault.Limited {
		t.Errorf("one entity, beyond what is its own: %q", code)
	}
	if code := signIn(w, OtherKey, "ent_other", "10.0.0.1"); code != "" {
		t.Errorf("another entity behind the same proxy: %s", code)
	}
}

func TestOneEntitysQuestionsLeaveTheProvidersToTheOthers(t *testing.T) {
	t.Parallel()
	w := New(t)
	ask := func() error {
		_, err := w.Gateway.Quotes(t.Context(), Caller(), quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", nil)
		return err
	}
	for range gateway.QuotesAsked {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	Refused(t, ask(), fault.Limited)
	w.Pass(time.Second)
	if err := ask(); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestOneEntityOpensAsManyChannelsAsAreItsOwn(t *testing.T) {
	t.Parallel()
	w := New(t)
	open := func() error { _, err := w.Gateway.OpenChannel(context.Background(), Caller(), "AAAA"); return err }
	for range gateway.ChannelsOpened {
		if code := fault.CodeOf(open()); code == fault.Limited {
			t.Fatal("too early")
		}
	}
	Refused(t, open(), fault.Limited)
}
