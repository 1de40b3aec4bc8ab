package vault

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/ceremony"
	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/jws/keytest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// seed makes a key in memory.
type seed = keytest.Seed

// writer appends entries to a state, as a signer would.
type writer struct {
	t  testing.TB
	s  *State
	at int64
}

const statementKey, aliceKey, bobKey, accountKey seed = 1, 2, 3, 7

// accountAddress is that of accountKey.
var accountAddress, _ = AddressOn("eip155:31337", accountKey.PublicKey())

// enrolled is a vault with one account, whose rules let Alice ask and Bob and Alice
// approve transfers while little was spent.
func enrolled(t testing.TB) *writer {
	t.Helper()
	w := &writer{t, New(statementKey.PublicKey(), nil), noon}
	w.append(signedlog.Genesis, begun(t, enrolling(), aliceKey, bobKey))
	return w
}

// enrolling is the genesis of [enrolled].
func enrolling() statement.Genesis {
	g := statement.Genesis{
		V: 3, Type: "genesis", Entity: "ent_sandbox", EntityName: "Sandbox Ltd", Sandbox: true, AdminRule: statement.AdminRule{Quorum: 2}, IssuedAt: noon,
		Signer:   statement.SignerKeys{Statement: statementKey.PublicKey().JWK(), Channel: []jwk.Key{seed(9).PublicKey().JWK()}},
		Accounts: []statement.GenesisAccount{{Account: ruled, Name: "Treasury", Chain: "eip155:31337", Address: accountAddress, Rules: spending(1)}},
	}
	for i, name := range []string{"Alice", "Bob"} {
		g.Members = append(g.Members, statement.GenesisMember{Member: "mem_" + strings.ToLower(name), Name: name, Role: statement.Admin,
			Approval: seed(2 + i).PublicKey().JWK(), Channel: seed(4 + i).PublicKey().JWK(), ChannelIn: statement.InToken})
	}
	return g
}

// begun is a genesis that its administrators signed.
func begun(t testing.TB, g statement.Genesis, by ...seed) (b signedlog.GenesisBody) {
	t.Helper()
	var err error
	if b.Genesis, err = statement.Encode(g); err != nil {
		t.Fatal(err)
	}
	for _, key := range by {
		signed, err := ceremony.Sign(t.Context(), key, b.Genesis, noon)
		if err != nil {
			t.Fatal(err)
		}
		b.Approvals = append(b.Approvals, signed)
	}
	return b
}

func spending(version int) governance.Set {
	set := transfers(version, 2)
	set.Rules[0].When = append(set.Rules[0].When, governance.Condition{Velocity: &governance.Velocity{Currency: "ethereum", Seconds: 3600, Max: "100"}})
	set.Rules[0].Creation = &governance.Creation{Members: []string{"mem_alice"}}
	messages := set.Rules[0]
	messages.Name, messages.When = "messages", []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindMessage}}}}
	set.Rules = append(set.Rules, messages)
	return set
}

func (w *writer) append(typ string, body any) {
	w.t.Helper()
	if err := w.try(typ, body); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) try(typ string, body any) error {
	w.t.Helper()
	e := entry(w.t, typ, body)
	w.at++
	e.Seq, e.At = w.s.Mark().Size, w.at
	return w.s.Apply(e, base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{byte(e.Seq)}, 32)))
}

func (w *writer) decide(request, member, decision string, key seed) {
	w.t.Helper()
	w.renew(request)
	w.append(w.signed(request, member, decision, key))
}

// renew says again what an open change does, when another took effect since.
func (w *writer) renew(request string) {
	w.t.Helper()
	r := w.s.Request(request)
	if !w.s.Outdated(r) {
		return
	}
	d := w.s.Decide(r, time.Unix(w.at, 0))
	w.append(signedlog.Governed, signedlog.GovernedBody{Request: request, Expires: d.Expires.Unix(), GovernedBy: r.Pin(d), Impact: w.impact()})
}

// signed is the entry of a decision, of its type.
func (w *writer) signed(request, member, decision string, key seed) (typ string, b signedlog.DecisionBody) {
	w.t.Helper()
	return w.signedAs(request, member, decision, key, func(*statement.Approval) {})
}

// signedAs is [writer.signed] of a statement that is changed.
func (w *writer) signedAs(request, member, decision string, key seed, change func(*statement.Approval)) (typ string, b signedlog.DecisionBody) {
	w.t.Helper()
	r, now := w.s.Request(request), time.Unix(w.at, 0)
	hash := strings.Repeat("A", 43)
	a := statement.Approval{
		V: 2, Type: "approval", Entity: "ent_sandbox", EntityName: "Sandbox Ltd", Request: request, Step: w.s.Decide(r, now).Step, Decision: decision,
		Member: member, MemberName: w.s.Member(member).Name, Key: key.PublicKey().Thumbprint(), GovernedBy: r.GovernedBy, Initiator: r.Initiator(), Intent: r.Intent, Impact: r.Impact,
		Nonce: strings.Repeat("0", 64), IssuedAt: w.at, NotBefore: w.at - 60, Expires: w.at + 60, Channel: hash, Log: statement.Log{Size: 1, Head: hash},
	}
	if m := w.s.Member(a.Initiator); m != nil {
		a.InitiatorName = m.Name
	}
	if decision != statement.Initiate {
		var err error
		if a.Effects, err = effects.DigestOf(r.Wants); err != nil {
			w.t.Fatal(err)
		}
	}
	change(&a)
	data, err := statement.EncodeDecision(a)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := jws.Sign(w.t.Context(), key, statement.Typ(decision), data)
	if err != nil {
		w.t.Fatal(err)
	}
	if typ = signedlog.Approval; decision == statement.Initiate {
		typ = signedlog.Initiation
	}
	return typ, signedlog.DecisionBody{Request: request, Member: member, JWS: token}
}

// close writes the outcome of a request.
func (w *writer) close(request string) {
	w.t.Helper()
	r := w.s.Request(request)
	d := w.s.Decide(r, time.Unix(w.at+1, 0))
	w.append(signedlog.Outcome, signedlog.OutcomeBody{Request: request, State: string(d.State), Reasons: d.Reasons, UseBy: r.UseBy(d)})
}

func (w *writer) checkpoint() signedlog.CheckpointBody {
	w.t.Helper()
	data, err := w.s.Snapshot()
	if err != nil {
		w.t.Fatal(err)
	}
	return signedlog.CheckpointBody{State: Digest(data), Index: strings.Repeat("A", 43)}
}

const approved, waiting, unsent, older = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "req_bbbbbbbbbbbbbbbbbbbbbbbbbb", "req_cccccccccccccccccccccccccc", "req_dddddddddddddddddddddddddd"

// lived is a vault in which something of each kind has happened: two versions of rules,
// and requests at every stage.
func lived(t testing.TB) *writer {
	t.Helper()
	w := enrolled(t)
	w.append(signedlog.Request, ask(t, w.s, approved))
	w.append(signedlog.Request, ask(t, w.s, older))
	if err := w.s.put(spending(2)); err != nil {
		t.Fatal(err)
	}
	w.append(signedlog.Request, ask(t, w.s, waiting))
	w.append(signedlog.Request, ask(t, w.s, unsent))
	for _, id := range []string{approved, waiting} {
		w.decide(id, "mem_alice", statement.Initiate, aliceKey)
		w.decide(id, "mem_bob", statement.Approve, bobKey)
	}
	w.decide(approved, "mem_alice", statement.Approve, aliceKey)
	w.close(approved)
	w.sign(approved, gas.Fees{Gas: 21000, FeeCap: "2000000000", Tip: "1000000000"})
	w.agreed(second, "Hello")
	w.append(signedlog.SigningMessage, w.begins(second))
	w.created(trading("acc_trading", "Trading"), 20)
	w.sweep(gas.Fees{Gas: 21000, FeeCap: "2000000000", Tip: "1000000000"})
	w.wanted(other, trading("acc_payroll", "Payroll"), 21)
	w.s.rates[governance.Valuation{Source: "mem_northrates", Asset: "ethereum", Currency: "EUR"}] = noon
	w.s.rates[governance.Valuation{Source: "mem_northrates", Asset: "ethereum", Currency: "CHF"}] = noon - 1
	pool := &w.s.accounts[ruled].pool
	pool.next, pool.free = 7, []Numbered{{"0x2", 2}, {"0x1", 1}}
	return w
}

// TestARestoredStateIsTheOneThatWasKept walks all that a state has, so that what is added
// to it must be in its snapshot too.
func TestARestoredStateIsTheOneThatWasKept(t *testing.T) {
	t.Parallel()
	w := lived(t)
	data, err := w.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Restore(data, statementKey.PublicKey(), w.s.past)
	if err != nil {
		t.Fatal(err)
	}
	was, is := reflect.ValueOf(w.s).Elem(), reflect.ValueOf(back).Elem()
	for i := range was.NumField() {
		switch name := was.Type().Field(i).Name; name {
		case "Ahead", "mu", "excerpt": // no part of what the log says
		default:
			if was.Field(i).IsZero() {
				t.Errorf("the state of this test has no %s", name)
			}
		}
	}
	for name, pair := range map[string][2]any{
		"Governance": {w.s.Governance, back.Governance}, "key": {w.s.key, back.key}, "past": {w.s.past, back.past}, "mark": {w.s.mark, back.mark}, "at": {w.s.at, back.at},
		"members": {w.s.members, back.members}, "accounts": {w.s.accounts, back.accounts}, "open": {w.s.open, back.open}, "sends": {w.s.sends, back.sends}, "messages": {w.s.messages, back.messages}, "sweeps": {w.s.sweeps, back.sweeps}, "keys": {w.s.keys, back.keys}, "rates": {w.s.rates, back.rates},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s was %+v and is %+v", name, pair[0], pair[1])
		}
	}
	if n := is.NumField(); n != 16 {
		t.Errorf("a state has %d fields: compare the new ones here", n)
	}
	w.s = back
	w.append(signedlog.Checkpoint, w.checkpoint())
	w.decide(waiting, "mem_alice", statement.Approve, aliceKey)
	w.close(waiting)
	if len(w.s.Open()) != 3 {
		t.Errorf("%d requests are open", len(w.s.Open()))
	}
}

func TestACheckpointOfAnotherStateIsRefused(t *testing.T) {
	t.Parallel()
	w := lived(t)
	right := w.checkpoint()
	for name, body := range map[string]any{
		"another state":    signedlog.CheckpointBody{State: strings.Repeat("A", 43), Index: right.Index},
		"a field too many": map[string]string{"state": right.State, "index": right.Index, "more": ""},
	} {
		if err := w.try(signedlog.Checkpoint, body); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	w.append(signedlog.Checkpoint, right)
}

func TestASnapshotThatIsNotOfAStateIsRefused(t *testing.T) {
	t.Parallel()
	data, err := lived(t).s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"another version":           {`{"v":2,"mark"`, `{"v":1,"mark"`},
		"another key":               {statementKey.PublicKey().JWK().X, seed(9).PublicKey().JWK().X},
		"an account less":           {`"accounts":[{"next":7,`, `"accounts":[],"x":[{"next":7,`},
		"a request of no account":   {`"account":"acc_treasury","account_name":"Treasury","crypto"`, `"account":"acc_other","account_name":"Treasury","crypto"`},
		"a decision that is no JWS": {`"jws":"ey`, `"jws":".ey`},
		"rules in another order":    {`{"version":2,"seq":1,"value":`, `{"version":1,"seq":1,"value":`},
		"a sum that is no decimal":  {`"sum":"1.5"`, `"sum":"1,5"`},
	} {
		changed := strings.Replace(string(data), c[0], c[1], 1)
		if changed == string(data) {
			t.Errorf("%s: the snapshot has no %s: %s", name, c[0], data)
		}
		if _, err := Restore([]byte(changed), statementKey.PublicKey(), nil); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSumsInLessRoomCountTheSame: from the time on at which they were merged; before it,
// they count for up to an hour more, and never less.
func TestSumsInLessRoomCountTheSame(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	const start = int64(1_795_208_400)
	v := governance.Velocity{Currency: "EUR", Seconds: 3600, Max: "1"}
	full, less := &spends{Velocity: v}, &spends{Velocity: v}
	for now := start; now < start+2*year; now += int64(r.IntN(200_000)) {
		at := time.Unix(now, 0)
		for range r.IntN(5) {
			e := governance.Earlier{Amount: strconv.Itoa(1 + r.IntN(1000)), Currency: "EUR", State: governance.Approved, Approved: at, UseBy: at.Add(time.Duration(r.IntN(20_000)) * time.Second)}
			full.add(e)
			less.add(e)
		}
		less = less.settled(now)
		for range 3 {
			later := time.Unix(now+int64(r.IntN(30_000)), 0)
			if a, b := full.at(later), less.at(later); amount.Must(a).Cmp(amount.Must(b)) != 0 {
				t.Fatalf("%s count at %s, want %s", b, later, a)
			}
			before := now - int64(r.IntN(1_000_000))
			kept, most, least := amount.Must(less.at(time.Unix(before, 0))), amount.Must(full.at(time.Unix(before-hour, 0))), amount.Must(full.at(time.Unix(before, 0)))
			if kept.Cmp(least) < 0 || kept.Cmp(most) > 0 {
				t.Fatalf("%s count at %d, want %s to %s", kept, before, least, most)
			}
		}
	}
	if n := len(less.until); n > 24*366+10 || n >= len(full.until) {
		t.Errorf("%d sums are kept of %d", n, len(full.until))
	}
}

func FuzzRestore(f *testing.F) {
	data, err := lived(f).s.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Restore(data, statementKey.PublicKey(), nil)
		if err != nil {
			return
		}
		once, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		s, err = Restore(once, statementKey.PublicKey(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Snapshot(); err != nil || !bytes.Equal(again, once) {
			t.Errorf("%s came back as %s: %v", once, again, err)
		}
	})
}
