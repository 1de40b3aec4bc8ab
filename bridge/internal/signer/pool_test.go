package signer

import (
	"crypto/rand"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

func newRequestID(t testing.TB) string {
	t.Helper()
	s, err := id.New(rand.Reader, id.Request)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// depositKeys counts the keys in the vault that were made for requests: of deposit addresses,
// and of accounts that were created.
func (g *rig) depositKeys() (n int) {
	g.vault.Lock()
	defer g.vault.Unlock()
	for label := range g.vault.Keys {
		if strings.HasPrefix(label, labelDeposit) || strings.HasPrefix(label, labelAccount) && !strings.HasPrefix(label, labelAccount+"acc_") {
			n++
		}
	}
	return n
}

// attested is what the signer vouches for.
func (g *rig) attested(r wire.SignerRequest) statement.Address {
	g.t.Helper()
	payload, err := jws.Verify(r.Attestation, statement.TypAddress, g.service.key.PublicKey())
	if err != nil {
		g.t.Fatal(err)
	}
	a, err := statement.Decode[statement.Address](payload)
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// TestAnAddressThatWasNotHandedOverIsUsedAgain: what was rejected or expired takes
// no key; what is open or approved keeps its address for itself.
func TestAnAddressThatWasNotHandedOverIsUsedAgain(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	reject := func(id string) {
		t.Helper()
		if r, _, err := mustConnect(t, g, "mem_bob").Decide(id, statement.Reject); err != nil || r.State != "REJECTED" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	rejected, open := g.request(newRequestID(t)), g.request(newRequestID(t))
	if intenttest.Buy(rejected.Intent).Address == intenttest.Buy(open.Intent).Address {
		t.Fatal("two open requests share an address")
	}
	reject(rejected.Request)
	again := g.request(newRequestID(t))
	if a := g.attested(again); intenttest.Buy(again.Intent).Address != intenttest.Buy(rejected.Intent).Address || a.Request != again.Request || a.Address != intenttest.Buy(again.Intent).Address {
		t.Errorf("the address was not used again, or attested for another request: %+v", a)
	}
	approveRequest(t, g, again.Request)
	g.clock.add(2 * time.Hour) // open expires
	if err := g.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.restart() // the log tells all of it
	third, fourth := g.request(newRequestID(t)), g.request(newRequestID(t))
	if intenttest.Buy(third.Intent).Address != intenttest.Buy(open.Intent).Address {
		t.Error("the address of an expired request was not used again")
	}
	if intenttest.Buy(fourth.Intent).Address == intenttest.Buy(again.Intent).Address || intenttest.Buy(fourth.Intent).Address == intenttest.Buy(third.Intent).Address {
		t.Error("the address of an approved or an open request was given to another")
	}
	if n := g.depositKeys(); n != 3 {
		t.Errorf("%d deposit keys for three addresses", n)
	}
	g.restart()
	reject(third.Request)
	reject(fourth.Request)
	if r := g.request(newRequestID(t)); intenttest.Buy(r.Intent).Address != intenttest.Buy(third.Intent).Address {
		t.Error("not the longest unused address is used first")
	}
}

func approveRequest(t *testing.T, g *rig, id string) {
	t.Helper()
	for _, who := range []string{"mem_alice", "mem_carol"} {
		if _, _, err := mustConnect(t, g, who).Decide(id, statement.Approve); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFiveMinutesOfRequestsTakeFewKeys: whoever is signed in asks and asks, and
// members reject.
func TestFiveMinutesOfRequestsTakeFewKeys(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.limits = Limits{}
	g.restart()
	made, refused := 0, 0
	for range 300 {
		g.clock.add(time.Second)
		in := g.input(newRequestID(t))
		switch code := g.call("POST", "/v1/requests", in, nil); code {
		case "":
			made++
			if _, _, err := mustConnect(t, g, "mem_bob").Decide(in.Request, statement.Reject); err != nil {
				t.Fatal(err)
			}
		case fault.Limited:
			refused++
		default:
			t.Fatal(code)
		}
	}
	if most := defaultPerMinute * 6; made > most || refused == 0 || made < defaultPerMinute {
		t.Errorf("%d requests were made, %d refused", made, refused)
	}
	if n := g.depositKeys(); n != 1 {
		t.Errorf("%d deposit keys, where one request is open at a time", n)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.limits = Limits{Open: 3, PerMinute: 6}
	g.restart()
	refusal := func(in wire.SignerRequestInput) (wait int) {
		t.Helper()
		_, err := g.service.Request(t.Context(), in)
		f, ok := fault.As(err)
		if !ok || f.Code != fault.Limited {
			t.Fatalf("got %v", err)
		}
		wait, err = strconv.Atoi(f.Details["retry_after"])
		if err != nil || wait < 1 {
			t.Fatalf("retry_after is %q", f.Details["retry_after"])
		}
		return wait
	}
	first := g.request(newRequestID(t))
	g.clock.add(time.Second)
	g.request(newRequestID(t))
	g.request(newRequestID(t))
	if wait := refusal(g.input(newRequestID(t))); wait != 3599 {
		t.Errorf("with three open it says to wait %d s", wait)
	}
	if again := g.request(first.Request); again.Request != first.Request {
		t.Error("what is there already is refused")
	}
	for _, id := range []string{first.Request} {
		if _, _, err := mustConnect(t, g, "mem_bob").Decide(id, statement.Reject); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		r := g.request(newRequestID(t))
		if _, _, err := mustConnect(t, g, "mem_bob").Decide(r.Request, statement.Reject); err != nil {
			t.Fatal(err)
		}
	}
	wait := refusal(g.input(newRequestID(t)))
	if wait > 10 {
		t.Errorf("with six a minute it says to wait %d s", wait)
	}
	if n := g.depositKeys(); n != 3 {
		t.Errorf("a refused request made a key: %d", n)
	}
	g.clock.add(time.Duration(wait) * time.Second)
	g.request(newRequestID(t))
	denied := g.input(newRequestID(t))
	intenttest.Edit(&denied.Intent, func(b *intent.Buy) { b.Fiat.Amount = "20000" })
	if _, err := g.service.Request(t.Context(), denied); fault.CodeOf(err) != fault.Limited && fault.CodeOf(err) != fault.Denied {
		t.Errorf("a denied request: %v", err)
	}
	for field, l := range map[string]Limits{"limits.open": {Open: -1}, "limits.per_minute": {PerMinute: mostPerMinute + 1}} {
		if f, ok := fault.As(l.check()); !ok || f.Code != fault.Invalid || f.Details["field"] != field {
			t.Errorf("%s: %v", field, l.check())
		}
	}
}

// TestALogThatGivesAnAddressTwiceIsRefused: a reader folds the pool as the signer
// does.
func TestALogThatGivesAnAddressTwiceIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	r := g.request(newRequestID(t))
	again := *g.service.state.Request(r.Request)
	again.Request = newRequestID(t)
	var err error
	again.Attestation, err = sign(t.Context(), g.service.key, statement.TypAddress, statement.Address{
		V: 1, Type: "address", Entity: "ent_sandbox", Account: treasury, Request: again.Request, Chain: intenttest.Buy(again.Intent).Chain,
		Address: intenttest.Buy(again.Intent).Address, PublicKey: g.attested(r).PublicKey, IssuedAt: g.clock.now().Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := strictjson.Canonical(again.RequestBody)
	if err != nil {
		t.Fatal(err)
	}
	e := signedlog.Entry{Seq: 2, At: g.clock.now().Unix(), Type: signedlog.Request, Body: strictjson.Raw(body)}
	if err := g.service.state.Apply(e, ""); err == nil || !strings.Contains(err.Error(), "belongs to another request") {
		t.Errorf("got %v", err)
	}
}

// TestALogWithAnAddressThatIsNotItsKeysIsRefused: also when one letter is in the other
// case, so that the check of EIP-55 does not hold.
func TestALogWithAnAddressThatIsNotItsKeysIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	r := g.request(newRequestID(t))
	for name, address := range map[string]string{
		"in lower case": strings.ToLower(intenttest.Buy(r.Intent).Address), "another": "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
	} {
		bad := *g.service.state.Request(r.Request)
		bad.Request = newRequestID(t)
		intenttest.Edit(&bad.Intent, func(b *intent.Buy) { b.Address = address })
		var err error
		bad.Attestation, err = sign(t.Context(), g.service.key, statement.TypAddress, statement.Address{
			V: 1, Type: "address", Entity: "ent_sandbox", Account: treasury, Request: bad.Request, Chain: intenttest.Buy(bad.Intent).Chain,
			Address: address, PublicKey: g.attested(r).PublicKey, IssuedAt: g.clock.now().Unix(),
		})
		if err != nil {
			t.Fatal(err)
		}
		body, err := strictjson.Canonical(bad.RequestBody)
		if err != nil {
			t.Fatal(err)
		}
		e := signedlog.Entry{Seq: 2, At: g.clock.now().Unix(), Type: signedlog.Request, Body: strictjson.Raw(body)}
		if err := g.service.state.Apply(e, ""); err == nil || !strings.Contains(err.Error(), "not the one of its key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAFreeAddressWithoutItsKeyIsPassedOver: one key that is gone stops nothing.
func TestAFreeAddressWithoutItsKeyIsPassedOver(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	first, second := g.request(newRequestID(t)), g.request(newRequestID(t))
	for _, r := range []wire.SignerRequest{first, second} {
		if _, _, err := mustConnect(t, g, "mem_bob").Decide(r.Request, statement.Reject); err != nil {
			t.Fatal(err)
		}
	}
	delete(g.vault.Keys, depositLabel(treasury, 0))
	if r := g.request(newRequestID(t)); intenttest.Buy(r.Intent).Address != intenttest.Buy(second.Intent).Address {
		t.Error("the address whose key is there was not used")
	}
	if r := g.request(newRequestID(t)); intenttest.Buy(r.Intent).Address == intenttest.Buy(first.Intent).Address || intenttest.Buy(r.Intent).Address == intenttest.Buy(second.Intent).Address {
		t.Error("an address without a key was used")
	}
}

// TestAKeyThatACrashKeptFromTheLogIsUsedNext: it is not lost, and no second is made.
func TestAKeyThatACrashKeptFromTheLogIsUsedNext(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	k, err := addressKey("eip155:31337", depositLabel(treasury, 0))
	if err != nil {
		t.Fatal(err)
	}
	key, err := g.vault.Generate(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.request(newRequestID(t)); intenttest.Buy(r.Intent).Address != eip55.Of(key.PublicKey().Uncompressed()[1:]) || g.depositKeys() != 1 {
		t.Errorf("another key was made: %s", intenttest.Buy(r.Intent).Address)
	}
}
