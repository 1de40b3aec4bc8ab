package gateway_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/signerlink"
)

// bought is a purchase that was delivered.
func bought(t *testing.T, w *gatewaytest.World, c gateway.Caller, s *gatewaytest.Signer, ether string) (wire.Request, wire.Order) {
	t.Helper()
	r := w.ApprovedFor(c, s)
	w.Scan()
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), c, r.ID))
	w.Chain.Deposit(o.Address, ether)
	w.Scan()
	return r, must[wire.Order](t)(w.Gateway.Order(t.Context(), c, o.ID))
}

func TestEachEntityBuysWithItsOwnSigner(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	for _, e := range []struct {
		c     gateway.Caller
		s     *gatewaytest.Signer
		ether string
	}{{gatewaytest.Caller(), w.Signer, "0.1"}, {gatewaytest.OtherCaller(), w.Second, "0.0995"}} {
		r, o := bought(t, w, e.c, e.s, e.ether)
		if o.State != wire.OrderCompleted || o.Delivered.Amount != e.ether || o.Address != intenttest.Buy(r.Intent).Address {
			t.Errorf("%s: order %+v", e.c.Entity, o)
		}
		v := must[wire.Entity](t)(w.Gateway.Entity(t.Context(), e.c))
		if v.ID != e.c.Entity || v.Name != e.s.Genesis.EntityName || v.Signer != "ok" || v.Log.Size != 5 {
			t.Errorf("entity %+v", v)
		}
		a := must[wire.Account](t)(w.Gateway.Account(t.Context(), e.c, gatewaytest.Account))
		if a.Address != e.s.Genesis.Accounts[0].Address || len(a.Balances) != 1 || a.Balances[0].Amount != e.ether || len(a.Deposits) != 1 {
			t.Errorf("%s: account %+v", e.c.Entity, a)
		}
	}
	w.Restart()
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// The accounts of the two entities have the same id, and so would members.
func TestAnEntitySeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	ctx, me := t.Context(), gatewaytest.Caller()
	theirs, order := bought(t, w, gatewaytest.OtherCaller(), w.Second, "0.1")
	quote := w.QuotedFor(gatewaytest.OtherCaller())

	if all := must[wire.Page[wire.Request]](t)(w.Gateway.Requests(ctx, me, "", "", 100)); len(all.Items) != 0 {
		t.Errorf("requests %+v", all.Items)
	}
	if all := must[wire.Page[wire.Request]](t)(w.Gateway.Requests(ctx, me, "", theirs.ID, 100)); len(all.Items) != 0 {
		t.Errorf("requests after theirs %+v", all.Items)
	}
	if all := must[wire.Page[wire.Order]](t)(w.Gateway.Orders(ctx, me, "", 100)); len(all.Items) != 0 {
		t.Errorf("orders %+v", all.Items)
	}
	a := must[wire.Account](t)(w.Gateway.Account(ctx, me, gatewaytest.Account))
	if len(a.Entries) != 0 || len(a.Deposits) != 0 || len(a.Balances) != 0 {
		t.Errorf("account %+v", a)
	}
	page := must[wire.LogPage](t)(w.Gateway.LogPage(ctx, me, -1, 100, false))
	if len(page.Entries) != 1 || page.Log.Size != 1 {
		t.Errorf("log %+v", page)
	}
	for what, err := range map[string]error{
		"a request":                       second(w.Gateway.Request(ctx, me, theirs.ID)),
		"a preview":                       second(w.Gateway.Preview(ctx, me, theirs.ID, "mem_alice", "")),
		"an order":                        second(w.Gateway.Order(ctx, me, order.ID)),
		"an order of a request of theirs": second(w.Gateway.NewOrder(ctx, me, theirs.ID)),
		"a ticket":                        second(w.Gateway.NewTicket(ctx, me, order.ID, wire.TicketInput{})),
		"a request of a quote of theirs": second(w.Gateway.NewRequest(ctx, me,
			wire.RequestInput{QuoteID: quote.ID, AccountID: gatewaytest.Account}, "the-key-1")),
	} {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if w.Signer.Requests() != 0 {
		t.Error("the signer was asked for a request of another entity")
	}
}

func TestTheEventsOfAnEntityAreItsOwn(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	ctx, stop := context.WithCancel(t.Context())
	begun, ended := make(chan struct{}), make(chan error, 1)
	told, open := make(chan wire.Change, 100), sync.OnceFunc(func() { close(begun) })
	go func() {
		ended <- w.Gateway.Events(ctx, w.SignIn(gatewaytest.APIKey, gatewaytest.Entity), func(all []wire.Change) error {
			open()
			for _, c := range all {
				told <- c
			}
			return nil
		})
	}()
	<-begun
	_, _ = bought(t, w, gatewaytest.OtherCaller(), w.Second, "0.1")
	mine := w.Requested()
	if first := <-told; first.ID != mine.ID {
		t.Errorf("told %+v before a change of its own", first)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// The key of an idempotent question is its asker's.
func TestTwoEntitiesMayUseTheSameIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	for _, c := range []gateway.Caller{gatewaytest.Caller(), gatewaytest.OtherCaller()} {
		ask := gateway.Ask{Scope: c.Scope(), Key: "the-key-1", Route: "POST /v1/x"}
		body, replayed, err := w.Gateway.Once(t.Context(), ask, func() (any, error) { return c.Entity, nil })
		if err != nil || replayed || string(body) != `"`+c.Entity+`"` {
			t.Errorf("%s: %s, replayed %v, %v", c.Entity, body, replayed, err)
		}
	}
}

func TestASignerThatIsDownStopsItsOwnEntityAlone(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	var down atomic.Bool
	w.Second.Down = down.Load
	down.Store(true)
	w.Restart()
	if err := w.Gateway.SyncAll(t.Context()); fault.CodeOf(err) != fault.SignerDown {
		t.Errorf("reading both: %v", err)
	}
	if _, o := bought(t, w, gatewaytest.Caller(), w.Signer, "0.1"); o.State != wire.OrderCompleted {
		t.Errorf("order %+v", o)
	}
	_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.OtherCaller(),
		wire.RequestInput{QuoteID: w.QuotedFor(gatewaytest.OtherCaller()).ID, AccountID: gatewaytest.Account}, "the-key-1")
	gatewaytest.Refused(t, err, fault.SignerDown)
	h := w.Gateway.Health(t.Context())
	if h.Status != "degraded" || h.Components["signer"] != "unavailable" || len(h.Signers) != 2 {
		t.Fatalf("health %+v", h)
	}
	if a, b := h.Signers[0], h.Signers[1]; a.Entity != gatewaytest.Other || a.Status != "unavailable" || a.SyncedAt != nil ||
		b.Entity != gatewaytest.Entity || b.Status != "ok" || b.SyncedAt == nil {
		t.Errorf("signers %+v", h.Signers)
	}
	if e := must[wire.Entity](t)(w.Gateway.Entity(t.Context(), gatewaytest.OtherCaller())); e.Signer != "unavailable" || !e.Enrolled {
		t.Errorf("entity %+v", e)
	}
	down.Store(false)
	if err := w.Gateway.SyncAll(t.Context()); err != nil {
		t.Error(err)
	}
	if h := w.Gateway.Health(t.Context()); h.Components["signer"] != "ok" || h.Status != "ok" {
		t.Errorf("health %+v", h)
	}
}

func TestALogThatForksStopsItsOwnEntityAlone(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	w.Second.Socket = gatewaytest.NewSignerOf(t, gatewaytest.Other, "Other AG", w.Now).Socket
	w.Restart()
	gatewaytest.Refused(t, w.Gateway.Sync(t.Context(), gatewaytest.Other), fault.LogCorrupt)
	if _, o := bought(t, w, gatewaytest.Caller(), w.Signer, "0.1"); o.State != wire.OrderCompleted {
		t.Errorf("order %+v", o)
	}
	if h := w.Gateway.Health(t.Context()); h.Components["signer"] != "log_corrupt" || h.Signers[0].Status != "log_corrupt" || h.Signers[1].Status != "ok" {
		t.Errorf("health %+v", h)
	}
}

func TestAStoredLogThatDoesNotHoldStopsItsOwnEntityAlone(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	db, err := sql.Open("sqlite", w.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE log_lines SET line = line || 'AAAA' WHERE entity = 'ent_other'`); err != nil {
		t.Fatal(err)
	}
	w.Restart()
	for range 2 {
		gatewaytest.Refused(t, w.Gateway.Sync(t.Context(), gatewaytest.Other), fault.LogCorrupt)
	}
	if _, o := bought(t, w, gatewaytest.Caller(), w.Signer, "0.1"); o.State != wire.OrderCompleted {
		t.Errorf("order %+v", o)
	}
	if h := w.Gateway.Health(t.Context()); h.Signers[0].Status != "log_corrupt" || h.Signers[1].Status != "ok" {
		t.Errorf("signers %+v", h.Signers)
	}
	if _, err := db.Exec(`UPDATE log_lines SET line = substr(line, 1, length(line) - 4) WHERE entity = 'ent_other'`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.Pass(2 * time.Minute) // it is looked at again
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Other); err != nil {
		t.Error(err)
	}
}

// A signer that was mixed up with another's socket does not get its entity's log believed.
func TestTheSignerOfAnotherEntityIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	w.Signer.Socket, w.Second.Socket = w.Second.Socket, w.Signer.Socket
	w.Restart()
	for _, entity := range []string{gatewaytest.Entity, gatewaytest.Other} {
		gatewaytest.Refused(t, w.Gateway.Sync(t.Context(), entity), fault.LogCorrupt)
	}
}

// A hostile signer names an address of another entity's vault as its own, and can attest
// it: the key is public.
func TestASignerThatClaimsAnAddressOfAnotherEntityIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	r := w.Approved()
	address := intenttest.Buy(r.Intent).Address
	w.Second.Readdress(w.Signer.Gives(r.ID))
	other := gatewaytest.OtherCaller()
	_, err := w.Gateway.NewRequest(t.Context(), other, wire.RequestInput{QuoteID: w.QuotedFor(other).ID, AccountID: gatewaytest.Account}, "the-key-1")
	gatewaytest.Refused(t, err, fault.LogCorrupt)
	if !strings.Contains(err.Error(), "another entity's") {
		t.Error(err)
	}
	w.Scan()
	o := must[wire.Order](t)(w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID))
	w.Chain.Deposit(address, "0.1")
	w.Scan()
	if o = must[wire.Order](t)(w.Gateway.Order(t.Context(), gatewaytest.Caller(), o.ID)); o.State != wire.OrderCompleted {
		t.Errorf("order %+v", o)
	}
	if a := must[wire.Account](t)(w.Gateway.Account(t.Context(), other, gatewaytest.Account)); len(a.Deposits) != 0 {
		t.Errorf("the other sees %+v", a.Deposits)
	}
	if h := w.Gateway.Health(t.Context()); h.Signers[0].Status != "log_corrupt" || h.Signers[1].Status != "ok" {
		t.Errorf("signers %+v", h.Signers)
	}
}

func TestAnEntityWithoutASignerIsToldSo(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	e := must[wire.Entity](t)(w.Gateway.Entity(t.Context(), gatewaytest.OtherCaller()))
	if e.Enrolled || e.Signer != "none" || e.SyncedAt != nil {
		t.Errorf("entity %+v", e)
	}
	gatewaytest.Refused(t, w.Gateway.Sync(t.Context(), gatewaytest.Other), fault.EntityUnknown)
}

func TestTwoSignersOfOneEntityAreRefused(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	v := gateway.Vault{Entity: gatewaytest.Entity, Key: w.Signer.Key.PublicKey(), Signer: signerlink.New(w.Signer.Socket)}
	if _, err := gateway.New(t.Context(), gateway.Config{Store: w.Store, Vaults: []gateway.Vault{v, v}, Now: w.Now, Rand: rand.Reader}); err == nil {
		t.Error("two signers of one entity are taken")
	}
}

// A developer whose grants name two entities acts for each, with a token of its own or of
// the entity's; a token of one is not good for the other.
func TestADeveloperActsForEachOfItsEntitiesAndATokenForOne(t *testing.T) {
	t.Parallel()
	w := gatewaytest.NewForTwo(t)
	const key = "ol_test_group_0123456789"
	ctx := t.Context()
	if _, err := gateway.Follow(ctx, w.Store, "sandbox", w.Now(), []gateway.Principal{{ID: "dev_group", Name: "Group", APIKey: key, Entities: []string{gatewaytest.Entity, gatewaytest.Other}}}); err != nil {
		t.Fatal(err)
	}
	sign := func(in wire.TokenRequest) gateway.Caller {
		t.Helper()
		in.APIKey = key
		reply := must[wire.TokenReply](t)(w.Gateway.Token(ctx, in, gateway.Visit{Client: "client"}))
		return must[gateway.Caller](t)(w.Gateway.Authenticate(ctx, reply.AccessToken, gateway.Proof{}))
	}
	developer := sign(wire.TokenRequest{ID: "dev_group", UserType: wire.UserDeveloper})
	for entity, s := range map[string]*gatewaytest.Signer{gatewaytest.Entity: w.Signer, gatewaytest.Other: w.Second} {
		own := sign(wire.TokenRequest{ID: entity, UserType: wire.UserEntity})
		for _, c := range []gateway.Caller{developer, own} {
			in := must[gateway.Caller](t)(w.Gateway.InEntity(ctx, c, entity))
			if v := must[wire.Entity](t)(w.Gateway.Entity(ctx, in)); v.Name != s.Genesis.EntityName {
				t.Errorf("%+v acts for %s", c, v.Name)
			}
		}
		for _, other := range []string{gatewaytest.Entity, gatewaytest.Other} {
			if _, err := w.Gateway.InEntity(ctx, own, other); (err == nil) != (other == entity) {
				t.Errorf("the token of %s for %s: %v", entity, other, err)
			}
		}
		if r := w.RequestedBy(own); r.Entity != entity {
			t.Errorf("a request of %s", r.Entity)
		}
	}
}
