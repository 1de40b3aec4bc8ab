package gateway_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/spec"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	. "countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

func signIn(w *World, key, id, client string) fault.Code {
	_, err := w.Gateway.Token(w.T.Context(), wire.TokenRequest{APIKey: key, ID: id, UserType: wire.UserEntity}, gateway.Visit{Client: client})
	return fault.CodeOf(err)
}

func TestWrongKeysDoNotLockASignIn(t *testing.T) {
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
	_, err := w.Gateway.Token(t.Context(), wire.TokenRequest{APIKey: "a wrong key", ID: "ent_sandbox", UserType: wire.UserEntity}, gateway.Visit{Client: "198.51.100.1"})
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
		_, err := w.Gateway.Quotes(t.Context(), Caller(), quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", false, nil)
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

func TestTheAnswersThatAreKeptForACallerAreBounded(t *testing.T) {
	t.Parallel()
	w := New(t)
	ask := func(scope, key, body string) (replayed bool) {
		t.Helper()
		_, replayed, err := w.Gateway.Once(t.Context(), gateway.Ask{Scope: scope, Key: key, Route: "POST /x"}, func() (any, error) { return body, nil })
		if err != nil {
			t.Fatal(err)
		}
		return replayed
	}
	ask("a neighbour", "first", "small")
	ask("large", "first", "small")
	for i := range gateway.ReplyBytesKept/(1<<20) + 1 {
		w.Pass(time.Millisecond)
		ask("large", fmt.Sprint("key ", i), strings.Repeat("x", 1<<20))
	}
	ask("many", "first", "small")
	w.Pass(time.Millisecond)
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		for i := range gateway.RepliesKept - 1 {
			if err := tx.PutReply(store.Reply{Scope: "many", Key: fmt.Sprint("key ", i), Route: "POST /x", Status: 200, Body: []byte("{}"), At: w.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Millisecond)
	ask("many", fmt.Sprint("key ", gateway.RepliesKept-1), "small")
	if !ask("a neighbour", "first", "small") {
		t.Error("the answers of one caller removed another's")
	}
	if !ask("many", fmt.Sprint("key ", gateway.RepliesKept-1), "small") || !ask("large", fmt.Sprint("key ", gateway.ReplyBytesKept>>20), "") {
		t.Error("the newest answers are not kept")
	}
	if ask("many", "first", "small") || ask("large", "first", "small") {
		t.Error("the oldest answers are kept")
	}
}

func TestTheLimitsAreThoseOfThePage(t *testing.T) {
	t.Parallel()
	code := map[string]int{
		"wrong API keys of one client": gateway.WrongKeys, "tokens of one developer, entity or reporting key": gateway.TokensMinted,
		"codes of invitations that there are none of, of one client": gateway.WrongCodes,
		"sandboxes of one client":                                    gateway.SandboxesMade, "questions for quotes of one entity": gateway.QuotesAsked,
		"channels opened by one entity": gateway.ChannelsOpened, "questions for quotes of one entity that wait": gateway.QuotesAtOnce,
		"quotes of one entity without a request": gateway.QuotesKept, "tickets of one order": gateway.TicketsKept, "invitations of one entity": gateway.InvitationsKept,
		"streams of events of one caller": gateway.StreamsAtOnce, "answers of one caller with a key": gateway.RepliesKept, "bytes of those answers": gateway.ReplyBytesKept,
	}
	code["sandboxes that are kept"], code["sandboxes of one client that are kept"] = gateway.SandboxesKept, gateway.SandboxesHeld
	code["bank connections of one entity"], code["notices that one provider signed"] = gateway.ItemsKept, gateway.NoticesHeard
	code["questions with one token's developer, entity or reporting key, by tier"] = gateway.Tiers()[""].All
	for _, row := range spec.Table(t, "wire.md", "Limits", "what") {
		want, known := code[row[0]]
		number, _, _ := strings.Cut(row[1], " ")
		if n, err := strconv.Atoi(strings.ReplaceAll(number, ",", "")); !known || err != nil || n != want {
			t.Errorf("the page says %q for %q, the code %d", row[1], row[0], want)
		}
		delete(code, row[0])
	}
	for what := range code {
		t.Errorf("the page does not say: %s", what)
	}
	for tier, r := range gateway.Tiers() {
		says := fmt.Sprintf("`%s` %s and %s", tier, spec.Number(r.All), spec.Number(r.Write))
		if tier == "" {
			says = fmt.Sprintf("%s a minute, of them %s that write", spec.Number(r.All), spec.Number(r.Write))
		}
		if !strings.Contains(spec.Section(t, "wire.md", "Limits"), says) || r.Read != r.All {
			t.Errorf("the page does not say: %s", says)
		}
	}
}

func TestMadeUpTicketsDoNotWaitForTheWriterNorHoldIt(t *testing.T) {
	t.Parallel()
	w := New(t)
	writing, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- w.Store.Write(context.Background(), func(store.Tx) error { close(writing); <-release; return nil })
	}()
	<-writing
	_, err := w.Gateway.Redirect(t.Context(), "made up")
	Refused(t, err, fault.TicketSpent)
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
