package rebuild_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/rebuild"
	"countersign/web/internal/store"
)

const payee = "0x52908400098527886E0F7030069857D2E4169EE7"

// sent is a gateway on a real chain, whose account sent what tells a story.
type sent struct {
	*rig
	node    *gatewaytest.Sandbox
	deposit string // an address that was swept
	// The requests of transfers: one that its chain took, one that it did not carry out, those
	// that others took the place of, with these, one that a node has, and one that is not signed.
	done, failed, faster, sped, stop, stopped, waits, unsigned string
}

// odd is a sender whose node says, while it is cheap, that gas costs next to nothing, and,
// while it is short, estimates too little gas.
type odd struct {
	gateway.Sender
	cheap, short *bool
}

func (o odd) Fees(ctx context.Context) (chain.Fees, error) {
	f, err := o.Sender.Fees(ctx)
	if *o.cheap {
		one := chain.Fee{Tip: big.NewInt(1), Cap: big.NewInt(1000)}
		f = chain.Fees{Base: new(big.Int), Slow: one, Normal: one, Fast: one}
	}
	return f, err
}

func (o odd) Estimate(ctx context.Context, call chain.Call) (uint64, error) {
	if *o.short {
		return 30_000, nil
	}
	return o.Sender.Estimate(ctx, call)
}

// sends plays the story.
func sends(t *testing.T) *sent {
	t.Helper()
	cheap, short := false, false
	w, node := gatewaytest.NewSendingBy(t, 2, func(s gateway.Sender) gateway.Sender { return odd{s, &cheap, &short} })
	r := &sent{rig: &rig{T: t, World: w}, node: node}
	own := w.Signer.Genesis.Accounts[0]
	w.Signer.Change("req_gggggggggggggggggggggggggg", intent.AccountEdit{
		Kind: intent.KindAccountEdit, V: 1, Account: gatewaytest.Account, FromVersion: 1, Name: own.Name, Rules: own.Rules, Sweep: &intent.Sweep{MaxFee: "0.001", PerDay: "0.01"},
	})
	r.deposit = w.Requested().Address.Address
	node.Fund(r.deposit, 1)
	r.done = r.transfer("0.1", "ethereum")
	r.settle()
	node.FundDollars(own.Address, 1)
	r.settle()
	short = true
	r.failed = r.transfer("1", gatewaytest.Dollar)
	r.settle()
	short = false
	instead := func(action string) (transfer, by string) {
		cheap = true
		transfer = r.transfer("0.1", "ethereum")
		w.Scan()
		cheap = false
		by = r.approved(intent.Replace{Kind: intent.KindReplace, V: 1, Account: gatewaytest.Account, Request: transfer, Action: action, MaxFee: intent.Crypto{Amount: "0.02", Asset: "ethereum"}})
		r.settle()
		return transfer, by
	}
	r.sped, r.faster = instead(intent.SpeedUp)
	r.stopped, r.stop = instead(intent.Cancel)
	cheap = true
	r.waits = r.transfer("0.1", "ethereum")
	w.Scan()
	cheap = false
	r.unsigned = r.transfer("0.1", "ethereum")
	r.are("played", map[string][2]string{r.waits: {wire.RequestApproved, wire.SendingSubmitted}, r.unsigned: {wire.RequestApproved, wire.SendingApproved}})
	return r
}

// transfer has a transfer approved.
func (r *sent) transfer(amount, of string) string {
	r.T.Helper()
	return r.approved(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: gatewaytest.Account, Crypto: intent.Crypto{Amount: amount, Asset: of},
		To: intent.Recipient{Address: payee}, MaxFee: intent.Crypto{Amount: "0.01", Asset: "ethereum"},
	})
}

func (r *sent) approved(i intent.Intent) string {
	r.T.Helper()
	r.changes++
	got, err := r.Gateway.NewRequest(r.T.Context(), gatewaytest.Caller(), wire.RequestInput{Intent: intenttest.Doc(i)}, "the-transfer-"+time.Duration(r.changes).String())
	if err != nil {
		r.T.Fatal(err)
	}
	r.approve(got.ID)
	if err := r.Gateway.SyncAll(r.T.Context()); err != nil {
		r.T.Fatal(err)
	}
	return got.ID
}

// settle mines and scans until what was sent is final.
func (r *sent) settle() {
	r.T.Helper()
	for range 6 {
		r.node.Blocks(1)
		r.Scan()
	}
}

// ends are what the story came to, but for what is still open.
func (r *sent) ends() map[string][2]string {
	return map[string][2]string{
		r.done: {wire.RequestCompleted, wire.SendingConfirmed}, r.failed: {wire.RequestFailed, wire.SendingFailed},
		r.sped: {wire.RequestCompleted, wire.SendingReplaced}, r.faster: {wire.RequestCompleted, wire.SendingConfirmed},
		r.stopped: {wire.RequestCancelled, wire.SendingReplaced}, r.stop: {wire.RequestCompleted, wire.SendingConfirmed},
	}
}

// are compares requests and their sendings with those that are open, and with ends.
func (r *sent) are(when string, open map[string][2]string) {
	r.T.Helper()
	for _, all := range []map[string][2]string{r.ends(), open} {
		for id, want := range all {
			got, err := r.Gateway.Request(r.T.Context(), gatewaytest.Caller(), id)
			if err != nil {
				r.T.Fatal(err)
			}
			if got.Sending == nil || got.State != want[0] || got.Sending.State != want[1] {
				r.T.Errorf("%s, %s is %s, want %s: %+v", when, got.Sentence, got.State, want, got.Sending)
			}
		}
	}
}

// goesOn checks that what was open is sent, a deposit address is swept again, and another transfer is sent: each once.
func (r *sent) goesOn() {
	r.T.Helper()
	if n := r.node.Sent(r.deposit); n != 1 {
		r.T.Fatalf("the deposit address sent %d transactions", n)
	}
	r.node.Fund(r.deposit, 1)
	r.Pass(3 * time.Minute) // what waits is signed again
	r.settle()
	r.settle()
	last := r.transfer("0.1", "ethereum")
	r.settle()
	finished := [2]string{wire.RequestCompleted, wire.SendingConfirmed}
	r.are("later", map[string][2]string{r.waits: finished, r.unsigned: finished, last: finished})
	if swept, n, has := r.node.Sent(r.deposit), r.node.Sent(r.Signer.Genesis.Accounts[0].Address), r.node.Has(payee); swept != 2 || n != 7 || has != gatewaytest.Wei("0.5") {
		r.T.Errorf("%d sweeps and %d transactions were sent, and %s wei arrived", swept, n, has)
	}
}

func TestANewDatabaseFindsOnTheChainWhatWasSentAndSendsTheRest(t *testing.T) {
	t.Parallel()
	r := sends(t)
	if err := r.Store.Close(); err != nil {
		t.Fatal(err)
	}
	r.lose()
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	if said := r.said.String(); strings.Contains(said, "bought twice") {
		t.Errorf("it says %s", said)
	}
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
	r.Restart()
	r.settle()
	r.are("found", nil)
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
	r.goesOn()
}

func TestWhatIsKeptOfWhatWasSentStaysWhereItFitsTheLog(t *testing.T) {
	t.Parallel()
	r := sends(t)
	before := r.dump(nil)
	for _, c := range []struct {
		name, spoil string
		args        []any
	}{
		{"nothing is wrong", `UPDATE sendings SET state = state`, nil},
		{"a request is approved again", `UPDATE requests SET state = 'approved', doc = json_set(doc, '$.State', 'approved') WHERE state IN ('completed', 'failed', 'cancelled')`, nil},
		{"a request is cancelled instead", `UPDATE requests SET state = 'cancelled', doc = json_set(doc, '$.State', 'cancelled') WHERE id = ?`, []any{r.unsigned}},
		{"requests are removed", `DELETE FROM requests WHERE state IN ('completed', 'failed', 'cancelled')`, nil},
		{"what is not signed is gone", `DELETE FROM sendings WHERE request = ?`, []any{r.unsigned}},
		{"what is not signed is confirmed", `UPDATE sendings SET state = 'confirmed', doc = json_set(doc, '$.State', 'confirmed') WHERE request = ?`, []any{r.unsigned}},
		{"it cannot be read", `UPDATE sendings SET doc = 'nonsense' WHERE request = ?`, []any{r.unsigned}},
		{"the bytes of a transaction were changed", `UPDATE sendings SET doc = json_set(doc, '$.Attempts[0].Raw', 'AA')`, nil},
		{"its fees were changed", `UPDATE sendings SET doc = json_set(doc, '$.Attempts[0].FeeCap', '1') WHERE request = ?`, []any{r.stop}},
		{"the state is another one than the document says", `UPDATE sendings SET state = 'submitted' WHERE state = 'confirmed'`, nil},
		{"it replaces another one", `UPDATE sendings SET transfer = ?`, []any{r.done}},
		{"the hashes are gone", `DELETE FROM sending_hashes`, nil},
		{"a hash is another one's", `UPDATE sending_hashes SET request = 'req_none'`, nil},
		{"there is one more", `INSERT INTO sendings (request, entity, chain, state, block, transfer, doc) SELECT 'req_none', entity, chain, state, block, transfer, doc FROM sendings WHERE request = ?`, []any{r.done}},
	} {
		r.exec(c.spoil, c.args...)
		spoiled := r.dump(nil)
		if err := r.check(); (err != nil) != (c.name != "nothing is wrong") || err != nil && !errors.Is(err, rebuild.ErrDiffers) {
			t.Errorf("%s: the check says %v: %s", c.name, err, r.said.String())
		}
		same(t, r.dump(nil), spoiled)
		if err := r.rebuild(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		same(t, r.dump(nil), before)
		if err := r.check(); err != nil {
			t.Errorf("%s, afterwards: %v: %s", c.name, err, r.said.String())
		}
		if t.Failed() {
			t.Fatalf("while %s", c.name)
		}
	}
	r.Restart()
	r.are("made again", nil)
	r.goesOn()
}

// Rows that an existing database lost are found on the chain, as in a new one.
func TestADatabaseThatLostWhatWasSentFindsItOnTheChain(t *testing.T) {
	t.Parallel()
	r := sends(t)
	r.exec(`DELETE FROM sending_hashes`)
	r.exec(`DELETE FROM sendings`)
	if err := r.check(); !errors.Is(err, rebuild.ErrDiffers) {
		t.Errorf("%v: %s", err, r.said.String())
	}
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
	r.Restart()
	r.settle()
	r.are("found", nil)
	r.goesOn()
}

// A copy of the database that is older than the log has fewer attempts of what it knows.
func TestAnOlderDatabaseGoesOnWithWhatWasSignedSince(t *testing.T) {
	t.Parallel()
	r := sends(t)
	r.exec(`UPDATE sendings SET state = 'approved', block = -1, doc = json_set(doc, '$.State', 'approved', '$.Attempts', json('[]'), '$.Mined', NULL) WHERE request IN (?, ?)`, r.done, r.waits)
	r.exec(`UPDATE requests SET state = 'approved', doc = json_set(doc, '$.State', 'approved') WHERE id = ?`, r.done)
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	var got store.Sending
	if err := r.Store.Read(t.Context(), func(tx store.Tx) (err error) {
		got, err = tx.Sending(gatewaytest.Entity, r.waits)
		return err
	}); err != nil || got.State != store.SendingSigned || len(got.Attempts) != 1 {
		t.Errorf("what a node has is %+v: %v", got, err)
	}
	r.Restart()
	r.settle()
	r.are("found", nil)
	r.goesOn()
}

// What was final before the vault's keys were rotated is as it was, and the log alone cannot say so.
func TestWhatWasSentBeforeTheKeysWereRotatedStaysOrIsFound(t *testing.T) {
	t.Parallel()
	r := sends(t)
	root := r.Signer.Key.PublicKey()
	r.Signer.Rotate("req_hhhhhhhhhhhhhhhhhhhhhhhhhh")
	r.Pins = func(v *gateway.Vault) { v.Key = root }
	r.Restart()
	if err := r.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.settle()
	open := map[string][2]string{r.waits: {wire.RequestApproved, wire.SendingSubmitted}, r.unsigned: {wire.RequestApproved, wire.SendingLapsed}}
	r.are("rotated", open)
	before := r.dump(nil)
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	same(t, r.dump(nil), before)
	if err := r.Store.Close(); err != nil {
		t.Fatal(err)
	}
	r.lose()
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	r.Restart()
	r.settle()
	r.are("found", open)
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
	if n := r.node.Sent(r.deposit); n != 1 {
		t.Errorf("the deposit address sent %d transactions", n)
	}
}
