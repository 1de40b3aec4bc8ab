package signer

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// said is a decision of a member.
type said struct{ member, decision string }

var twoApprove = []said{{"mem_alice", statement.Approve}, {"mem_bob", statement.Approve}}

// course is a request from its beginning to its outcome.
type course struct {
	name   string
	rules  func() governance.Set
	before []intent.Intent // changes of the vault, which Alice and Bob approve first
	sent   bool            // a transfer, [stuck], is signed first
	wants  intent.Intent
	says   []said
}

// courses has one of each kind of request, and one that a member signs and sends.
func courses(t testing.TB) []course {
	buy := intenttest.Buy((&rig{clock: &clock{}}).input("").Intent)
	i, _ := intent.Draft((&rig{clock: &clock{}}).sends("").Intent)
	spare := intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_spare", FromVersion: 1, Name: "Spare", Members: []intent.Named{{Member: "mem_alice"}}}
	rules := twoOfThree().Rules
	rules[0].When[0].Amount.Max = "100"
	suspend := turns(intent.KindMemberSuspend, "carol", 1)
	all := []course{
		{name: "a purchase that a member signs and sends", rules: fourEyes, wants: buy, says: []said{{"mem_alice", statement.Initiate}, {"mem_bob", statement.Approve}}},
		{name: "a rejection", wants: buy, says: []said{{"mem_alice", statement.Approve}, {"mem_bob", statement.Reject}}},
		{wants: buy}, {wants: i}, {wants: spare},
		{wants: replacing(stuck, intent.Cancel), sent: true}, {wants: mail(), rules: andMessages}, {name: "a speed-up", wants: replacing(stuck, intent.SpeedUp), sent: true},
		{wants: intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_spare", FromVersion: 1}},
		{wants: suppliers()}, {wants: quorum(1, 1)}, {wants: edits(1, rules...)},
		{wants: suspend}, {wants: turns(intent.KindMemberRevoke, "carol", 1)},
		{wants: turns(intent.KindMemberResume, "carol", 2), before: []intent.Intent{suspend}},
		{wants: invites(t, membertest.NewMember(t, "mem_erin", "Erin", jws.P256))},
		{wants: replaces(t, membertest.NewMember(t, "mem_carol", "Carol", jws.P256), 1)},
		{wants: creates("acc_trading", "Trading")},
		{wants: reads("rpk_accounting", "secret")},
		{wants: unreads("rpk_accounting", 1), before: []intent.Intent{reads("rpk_accounting", "secret")}},
	}
	for i, c := range all {
		if c.name == "" {
			all[i].name = c.wants.Facts().Kind
		}
		if c.says == nil {
			all[i].says = twoApprove
		}
		if c.rules == nil {
			all[i].rules = purchasesAndTransfers
		}
	}
	return all
}

func TestEveryKindOfRequestHasACourse(t *testing.T) {
	t.Parallel()
	for _, kind := range intent.Kinds() {
		if kind == intent.KindVaultRotateKeys { // after which another token goes on: TestACrashAtAnyStepOfARotationLeavesOneTokenThatGoesOn
			continue
		}
		if !slices.ContainsFunc(courses(t), func(c course) bool { return c.wants.Facts().Kind == kind }) {
			t.Errorf("no crash is tried in the course of %s", kind)
		}
	}
}

// TestACrashAtAnyStepOfAnyKindLeavesItDoneOnceOrNotAtAll takes each kind of request from its
// beginning to its outcome, with a checkpoint on the way, and crashes at each step: with the
// entries of the step not written, each of them half written, or written; with the watermark
// set or not; with the answer lost. A signer starts from what is left, and everybody who had
// no answer asks again as they did.
func TestACrashAtAnyStepOfAnyKindLeavesItDoneOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, c := range courses(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.crash(t)
		})
	}
}

func (c course) crash(t *testing.T) {
	g := newRigOf(t, c.rules(), func(d *Draft) {
		d.Sandbox = true
		d.Groups = []governance.Group{{Group: "grp_spare", Name: "Spare", Members: []string{"mem_bob"}}}
	})
	g.segment = 3
	g.restart()
	for _, i := range c.before {
		g.changed(i, "mem_alice", "mem_bob")
	}
	if c.sent {
		g.sent(stuck)
		if _, _, code := g.transaction(stuck, gas.Fees{Gas: 21000, FeeCap: "1000000000", Tip: "1"}); code != "" {
			t.Fatal(code)
		}
	}
	changes := len(g.service.state.Changes)
	f := g.roll()
	done := c.play(g, f.acknowledge)
	f.cut()
	g.stop()
	if len(f.moments) < 2*len(f.acknowledged) {
		t.Fatalf("%d moments", len(f.moments))
	}
	for i, m := range f.moments {
		for _, torn := range tears(t, m) {
			again := startedFrom(t, g, m, i, torn)
			if again == nil {
				continue
			}
			what := fmt.Sprintf("moment %d of %d, %d bytes torn", i, len(f.moments), torn)
			c.goesOn(t, what, again, m, done)
			again.restart()
			c.once(t, what, again, changes)
			if err := again.file.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// answers are what the signer answered without a crash: the address of the request, if it
// has one, what members signed, and the transaction that it ends in, if it does.
type answers struct {
	address string
	tokens  []string
	raw     string
}

// play takes the request to its outcome, and says what is acknowledged.
func (c course) play(g *rig, acknowledge func(string)) (a answers) {
	g.t.Helper()
	var r wire.SignerRequest
	if code := g.call("POST", "/v1/requests", c.input(g), &r); code != "" {
		g.t.Fatal(code)
	}
	a.address = addressOf(r)
	acknowledge(testReq)
	for _, s := range c.says {
		l := mustConnect(g.t, g, s.member)
		data, ferr := l.Statement(testReq, s.decision)
		if ferr != nil {
			g.t.Fatal(ferr)
		}
		token := l.Sign(data)
		a.tokens = append(a.tokens, token)
		if _, ferr := l.Submit(token); ferr != nil {
			g.t.Fatal(ferr)
		}
		acknowledge(token)
	}
	if c.sends() {
		tx, _, code := g.transaction(testReq, paying("2", "1"))
		if code != "" {
			g.t.Fatal(code)
		}
		a.raw = tx.Raw
		acknowledge(tx.Raw)
	}
	if c.signs() {
		signed, code := g.signature(testReq)
		if code != "" {
			g.t.Fatal(code)
		}
		a.raw = signed.Signature
		acknowledge(a.raw)
	}
	return a
}

// sends reports whether the request ends in a transaction.
func (c course) sends() bool {
	_, sends := c.wants.(intent.Sender)
	return sends
}

// signs reports whether the request ends in a signature.
func (c course) signs() bool {
	_, signs := c.wants.(intent.Messenger)
	return signs
}

func (c course) input(g *rig) wire.SignerRequestInput {
	in := g.input(testReq)
	in.Intent = intenttest.Doc(c.wants)
	return in
}

// addressOf is where a request receives; empty: nowhere.
func addressOf(r wire.SignerRequest) string {
	if i, err := intent.Draft(r.Intent); err == nil {
		if to, ok := i.(intent.Receiver); ok {
			return to.Receives().Address
		}
	}
	return ""
}

// goesOn has everybody go on after a crash: they ask for the same request again, and submit
// what they signed; what the signer does not know, they sign once more.
func (c course) goesOn(t *testing.T, what string, g *rig, m moment, before answers) {
	t.Helper()
	acknowledged := func(answer string) bool { return slices.Contains(m.acknowledged, answer) }
	var r wire.SignerRequest
	if code := g.call("POST", "/v1/requests", c.input(g), &r); code != "" {
		t.Errorf("%s: asked again: %s", what, code)
	}
	if acknowledged(testReq) && addressOf(r) != before.address {
		t.Errorf("%s: the address was %s and is %s", what, before.address, addressOf(r))
	}
	for i, s := range c.says {
		l := mustConnect(t, g, s.member)
		_, ferr := l.Submit(before.tokens[i])
		if ferr != nil && acknowledged(before.tokens[i]) {
			t.Errorf("%s: what %s signed was acknowledged, and is not known: %v", what, s.member, ferr)
		}
		if ferr != nil {
			_, _, ferr = l.Decide(testReq, s.decision)
		}
		if ferr != nil {
			t.Errorf("%s: %s signs once more: %v", what, s.member, ferr)
		}
	}
	if c.signs() {
		signed, code := g.signature(testReq)
		if code != "" || acknowledged(before.raw) && signed.Signature != before.raw {
			t.Errorf("%s: %s: the signature is another one", what, code)
		}
	}
	if !c.sends() {
		return
	}
	for _, fees := range []gas.Fees{paying("2", "1"), paying("50", "25")} { // the second time the chain takes more
		tx, _, code := g.transaction(testReq, fees)
		if code != "" || tx.Nonce != 0 || acknowledged(before.raw) && fees == paying("2", "1") && tx.Raw != before.raw {
			t.Errorf("%s: %s: the transaction is another one, of nonce %d", what, code, tx.Nonce)
		}
	}
}

// once holds the log against what was asked for, from its genesis: one request, one decision
// of each member, one outcome, one change of the vault, one address and one key for it.
func (c course) once(t *testing.T, what string, g *rig, changes int) {
	t.Helper()
	if err := VerifyLog(t.Context(), Config{StateDir: g.dir}, g.signerFile(t), Stdio{Out: io.Discard, Err: io.Discard}); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	want := map[string]int{signedlog.Request: 1, signedlog.Outcome: 1}
	state := governance.Approved
	for _, s := range c.says {
		switch s.decision {
		case statement.Initiate:
			want[signedlog.Initiation]++
			continue
		case statement.Reject:
			state = governance.Rejected
		}
		want[signedlog.Approval]++
	}
	if c.sends() { // the second with higher fees
		want[signedlog.Signing], want[signedlog.Signed] = 2, 2
	}
	if c.signs() {
		want[signedlog.SigningMessage], want[signedlog.SignedMessage] = 1, 1
	}
	if entries := g.entriesOf(testReq); !maps.Equal(entries, want) {
		t.Errorf("%s: the log has %v, want %v", what, entries, want)
	}
	r := g.look(testReq)
	if r.State != string(state) {
		t.Errorf("%s: the request is %s", what, r.State)
	}
	if _, change := c.wants.(intent.Change); change {
		changes++
	}
	if n := len(g.service.state.Changes); n != changes {
		t.Errorf("%s: the vault changed %d times, want %d", what, n, changes)
	}
	keys := 0
	if addressOf(r) != "" {
		keys = 1
	}
	if n := g.depositKeys(); n != keys {
		t.Errorf("%s: %d keys of addresses, want %d", what, n, keys)
	}
}

// entriesOf counts the entries of the log about a request, by their types.
func (g *rig) entriesOf(request string) map[string]int {
	g.t.Helper()
	found := map[string]int{}
	for _, line := range g.lines() {
		e, err := signedlog.Read(line, g.service.key.PublicKey())
		if err != nil {
			g.t.Fatal(err)
		}
		if id, err := e.Concerns(); err == nil && id == request {
			found[e.Type]++
		}
	}
	return found
}

// tears are how many bytes may be missing of what was written behind the watermark: each
// line, and half of each.
func tears(t *testing.T, m moment) (all []int) {
	t.Helper()
	mark, err := watermark{&membertest.Vault{Data: m.data}}.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, lines := []int{0}, int64(0)
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		if !strings.HasSuffix(name, ".jws") {
			continue
		}
		torn := 0
		written := bytes.SplitAfter(m.files[name], []byte("\n"))
		written = written[:len(written)-1]
		lines += int64(len(written))
		for beyond := lines - mark.Size; beyond > 0; beyond-- { // from the last line on
			line := written[len(written)-1]
			written = written[:len(written)-1]
			all = append(all, torn+len(line)/2, torn+len(line))
			torn += len(line)
		}
	}
	return all
}
