// Package hostile plays the gateway against everybody who does without trusting it: the
// vault's signer, the bridge on a member's computer and the member at its prompt, an
// auditor, a witness, and who verifies a receipt. All of them are the real ones; the
// gateway between them alters, drops, replays, re-orders and substitutes what it carries
// and stores. [table] says what it does and who refuses that.
package hostile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"countersign/bridge/internal/audit"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/apikey"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/receipt"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// row is one thing that the gateway does while honest parties work.
type row struct {
	does   string
	during flow
	// how has the gateway do it, or readies it to. What it was answered itself is the
	// refusal; nil: one of the parties has it.
	how    func(*world) error
	who    party
	code   fault.Code
	detail string // "field=nonce"
}

// flow is what honest parties do.
type flow struct {
	name string
	play func(*world) error
}

const (
	bought  = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa" // that Alice and Bob approved
	pending = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb" // that nobody decided on
	wanted  = "req_cccccccccccccccccccccccccc" // that a flow asks for
	changed = "req_dddddddddddddddddddddddddd" // a change of the vault that Alice and Bob approved
)

func purchase() intent.Buy {
	return intent.Buy{
		Kind: intent.KindBuy, V: 1, Account: treasury, Provider: "northpay", ProviderName: "NorthPay",
		Fiat: intent.Fiat{Amount: "250", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.0815", Asset: "ethereum"},
		Minimum: "0.0799", PaymentMethod: "card", Country: "FR", Quote: "quo_aaaaaaaaaaaaaaaaaaaaaaaaaa",
	}
}

func payment() intent.Transfer {
	return intent.Transfer{Kind: intent.KindTransfer, V: 1, Account: treasury, Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"},
		To: intent.Recipient{Address: mill}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"}}
}

func officers(from int, members ...string) intent.GroupPut {
	g := intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_officers", FromVersion: from, Name: "Officers"}
	for _, m := range members {
		g.Members = append(g.Members, intent.Named{Member: m})
	}
	return g
}

func suppliers(from int, addresses ...string) intent.WhitelistPut {
	l := intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", FromVersion: from, Name: "Suppliers"}
	for _, a := range addresses {
		l.Entries = append(l.Entries, governance.Entry{Address: a, Chain: chain, Label: "Mill"})
	}
	return l
}

// tightened has purchases need so many of the three.
func tightened(from int, quorum int) intent.AccountEdit {
	all := rules().Rules
	all[0].Name, all[0].Steps[0].Quorum = "purchases, tightened", quorum
	return intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: treasury, FromVersion: from, Name: "Treasury", Rules: governance.Set{Rules: all}}
}

// reader is a reporting key for the treasury, whose secret has a number.
func reader(secret int) intent.ReportingKeyCreate {
	return intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: "rpk_accounting", Name: "Accounting", Reads: intent.ReadsAccounts,
		Accounts: []intent.NamedAccount{{Account: treasury}}, Verifier: apikey.Verifier(fmt.Sprint("secret ", secret)), Expires: 1_826_668_800}
}

func unreader() intent.ReportingKeyRevoke {
	return intent.ReportingKeyRevoke{Kind: intent.KindReportingKeyRevoke, V: 1, ReportingKey: "rpk_accounting", FromVersion: 1}
}

func turns(kind, member string, from int) intent.MemberState {
	return intent.MemberState{Kind: kind, V: 1, Member: member, FromVersion: from}
}

// signing is a flow in which a page asks for something, and Alice approves it, who compares
// what she reads with what she means.
func signing(wants intent.Intent) flow {
	return flow{wants.Noun(), func(w *world) error {
		means, err := wants.Fill(w.replay(w.lines()).state)
		if err == nil {
			err = w.gateway.request(wanted, wants)
		}
		if err != nil {
			return refuses(atSigner, err)
		}
		if to, ok := means.(intent.Receiver); ok { // at the address that the vault attests
			if at, ok := w.replay(w.lines()).requests[wanted].Receives(); ok {
				means = to.To(at.Address)
			}
		}
		w.at("mem_alice").means = means
		return w.approve(wanted, "mem_alice")
	}}
}

// The flows.
var (
	buys     = signing(purchase())
	pays     = signing(payment())
	regroups = signing(officers(1, "mem_alice", "mem_bob"))
	relists  = signing(suppliers(2, mill, thief))
	rerules  = signing(tightened(1, 3))
	reports  = signing(reader(1))
	opens    = flow{"opens a channel", func(w *world) error { _, err := w.at("mem_alice").opens(); return err }}
	approves = flow{"approves what waits", func(w *world) error { return w.approve(pending, "mem_alice") }}
	asks     = flow{"asks again", func(w *world) error { return w.gateway.request(pending, purchase()) }}
	audits   = flow{"audits", func(w *world) error {
		return refuses(auditor, audit.Run(w.t.Context(), w.auditing(), io.Discard, io.Discard))
	}}
	watches = flow{"witnesses", func(w *world) error {
		return refuses(witness, audit.Witness(w.t.Context(), w.auditing(), w.path("witness"), "w.example", w.clock, io.Discard, io.Discard))
	}}
	verifies = flow{"verifies a receipt", func(w *world) error {
		_, err := receipt.Verify(w.gateway.receipt(bought, changed), w.statementKey().Thumbprint())
		return refuses(verifier, err)
	}}
)

func (w *world) auditing() audit.Config {
	return audit.Config{Gateway: "http://127.0.0.1:1", TokenFile: w.path("token"), SignerFile: w.path("signer.json"), Roots: w.gateway}
}

// lived is a world in which Alice and Bob changed a whitelist and approved a purchase, another
// purchase waits, and a witness has seen the log.
func lived(t testing.TB) *world {
	w := newWorld(t)
	w.must(w.gateway.request(changed, suppliers(1, mill)))
	w.must(w.approve(changed, "mem_alice", "mem_bob"))
	w.must(w.gateway.request(bought, purchase()))
	w.must(w.approve(bought, "mem_alice", "mem_bob"))
	w.must(watches.play(w))
	w.must(w.gateway.request(pending, purchase()))
	return w
}

// table is all that the gateway does.
func table() []row {
	return slices.Concat(handshakes(), records(), requests(), transactions(), messages(), logs(), receipts(), ceremonies(), reporting(), invitations(), rates(), rotations())
}

func TestTheHostileGatewayIsRefusedByWhomItConcerns(t *testing.T) {
	t.Parallel()
	rows := table()
	if len(rows) < 40 {
		t.Errorf("%d rows", len(rows))
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.does] {
			t.Errorf("the table says twice that it %s", r.does)
		}
		seen[r.does] = true
		t.Run(r.does, func(t *testing.T) {
			t.Parallel()
			w := lived(t)
			err := r.how(w)
			if err == nil {
				err = r.during.play(w)
			}
			f, _ := fault.As(err)
			who, detail := party("nobody"), ""
			if by, ok := errors.AsType[*refusal](err); ok {
				who = by.by
			}
			if f != nil {
				for _, k := range slices.Sorted(maps.Keys(f.Details)) {
					detail = cmp.Or(detail, k+"="+f.Details[k])
				}
			}
			if who != r.who || fault.CodeOf(err) != r.code || detail != r.detail {
				t.Errorf("refused by the %s: %v, %q; want %s %s %q", who, err, detail, r.who, r.code, r.detail)
			}
			w.holds()
		})
	}
}

// What each row alters goes well when nothing is altered.
func TestAnHonestGatewayIsRefusedNothing(t *testing.T) {
	t.Parallel()
	played := map[string]bool{}
	for _, r := range table() {
		if played[r.during.name] {
			continue
		}
		played[r.during.name] = true
		t.Run(r.during.name, func(t *testing.T) {
			t.Parallel()
			w := lived(t)
			if err := r.during.play(w); err != nil {
				t.Error(err)
			}
			w.holds()
		})
	}
}

// What a member of the gateway's decides for themselves, and a channel that is opened with their
// own certificate, is refused nothing either.
func TestAMemberWhoWorksForTheGatewayDecidesForThemselves(t *testing.T) {
	t.Parallel()
	w := lived(t)
	own := connects(func(w *world) (*membertest.Member, string) {
		return w.members["mem_carol"], w.members["mem_carol"].Certificate
	})
	w.must(own(w))
	w.must(colludes(edited(func(*statement.Approval) {}))(w))
	if r := w.replay(w.lines()).requests[pending]; len(r.Accepted) != 1 || r.Accepted[0].Member != "mem_carol" {
		t.Errorf("the log has %+v", r.Accepted)
	}
}

// What the vault alone knows, the gateway says in vain: the request is what it is without.
func TestWhatTheGatewaySaysInPlaceOfTheVaultIsNotHeard(t *testing.T) {
	t.Parallel()
	w := lived(t)
	for i, pair := range [][2]intent.Intent{
		{payment(), func() intent.Intent { p := payment(); p.AccountName, p.Chain = "Petty cash", "eip155:1"; return p }()},
		{purchase(), func() intent.Intent {
			p := purchase()
			p.AccountName, p.Chain, p.Address = "Petty cash", "eip155:1", thief
			return p
		}()},
		{letter(), func() intent.Intent {
			m := letter()
			m.AccountName, m.Chain, m.Address = "Petty cash", "eip155:1", thief
			return m
		}()},
		{officers(1, "mem_alice"), func() intent.Intent {
			g := officers(1, "mem_alice")
			g.Members[0].Name, g.Before = "Carol", &intent.GroupBefore{Name: "Officers", Members: g.Members}
			return g
		}()},
		{suppliers(2, thief), func() intent.Intent {
			l := suppliers(2, thief)
			l.Before = &intent.WhitelistBefore{Name: "Suppliers", Entries: l.Entries}
			return l
		}()},
		{tightened(1, 3), func() intent.Intent {
			a := tightened(1, 3)
			a.Before = intent.AccountBefore{Name: "Treasury", Order: []string{}, Rules: a.Rules}
			a.Rules.Version = 7
			return a
		}()},
		{reader(1), func() intent.Intent {
			k := reader(1)
			k.Accounts[0].Name = "Petty cash"
			return k
		}()},
		{turns(intent.KindMemberSuspend, "mem_carol", 1), func() intent.Intent {
			m := turns(intent.KindMemberSuspend, "mem_carol", 1)
			m.Name = "Mallory"
			return m
		}()},
	} {
		honest, lying := request("h", i), request("l", i)
		w.must(w.gateway.request(honest, pair[0]))
		w.must(w.gateway.request(lying, pair[1]))
		all := w.replay(w.lines()).requests
		is, says := all[honest].Wants, all[lying].Wants
		if to, ok := is.(intent.Receiver); ok { // each has an address of its own
			at, _ := all[lying].Receives()
			if is = to.To(at.Address); at.Address == thief {
				t.Error("the vault delivers to the gateway's address")
			}
		}
		if !intent.Same(is, says) {
			t.Errorf("%s: the log has %+v, want %+v", is.Noun(), says, is)
		}
	}
}

// request is the id of one of several.
func request(of string, n int) string { return "req_" + strings.Repeat(of, 25) + string(rune('a'+n)) }

// holds verifies the log from its genesis: it has no decision that its member did not read
// and sign at the bridge's prompt, and none twice.
func (w *world) holds() {
	w.t.Helper()
	lines := w.lines()
	w.replay(lines)
	decided := map[string]bool{}
	for _, line := range lines {
		e, err := signedlog.Read(line, w.statementKey())
		w.must(err)
		if e.Type != signedlog.Approval {
			continue
		}
		var b signedlog.DecisionBody
		w.must(strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody))
		a := signedBy(w, b.JWS)
		text, err := statement.Text(a)
		w.must(err)
		if !slices.ContainsFunc(w.read[a.Member], func(read string) bool { return strings.TrimSpace(read) == strings.TrimSpace(text) }) {
			w.t.Errorf("the log has a decision that %s did not read", a.Member)
		}
		if once := a.Request + a.Member; decided[once] {
			w.t.Errorf("the log has two decisions of %s on %s", a.Member, a.Request)
		} else {
			decided[once] = true
		}
	}
}
