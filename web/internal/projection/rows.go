package projection

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// rows writes what follows from an entry that was applied.
func (p *Projection) rows(tx store.Tx, e signedlog.Entry) error {
	switch e.Type {
	case signedlog.Genesis:
		return p.governance(tx)
	case signedlog.Request:
		var b signedlog.RequestBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		return p.request(tx, p.state.Request(b.Request), e)
	case signedlog.Initiation, signedlog.Approval, signedlog.Verdict:
		var b signedlog.DecisionBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		return p.decision(tx, p.state.Request(b.Request))
	case signedlog.Governed:
		return p.governed(tx, e)
	case signedlog.Outcome:
		return p.outcome(tx, e)
	case signedlog.Signing:
		return p.signing(tx, e)
	case signedlog.Signed:
		return p.signed(tx, e)
	case signedlog.SigningMessage:
		return p.signingMessage(tx, e)
	case signedlog.SignedMessage:
		return p.signedMessage(tx, e)
	case signedlog.Sweeping:
		return p.sweeping(tx, e)
	case signedlog.Swept:
		return p.swept(tx, e)
	}
	return nil // a clock entry dates what follows, and a checkpoint repeats what was said
}

// governance keeps who may decide what, as it is now, and watches the own address of each
// account that there is.
func (p *Projection) governance(tx store.Tx) error {
	for _, a := range p.state.Current().Accounts {
		if err := watch(tx, store.Address{Chain: a.Chain, Address: a.Address, Entity: p.entity, Account: a.Account}); err != nil {
			return err
		}
	}
	doc, err := strictjson.Canonical(p.state.Governance)
	if err != nil {
		return err
	}
	return tx.PutGovernance(p.entity, string(doc))
}

// governed pins what governs a request from here on.
func (p *Projection) governed(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.GovernedBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	row, err := tx.Request(p.entity, b.Request)
	if err != nil {
		return err
	}
	row.Pin, row.Expires, row.State = store.Pin(b.GovernedBy), b.Expires, wire.RequestPending
	if b.Impact != nil {
		row.Impact = (*store.Impact)(b.Impact)
	}
	if p.state.Decide(p.state.Request(b.Request), time.Unix(e.At, 0)).State == governance.Uninitiated {
		row.State = wire.RequestUnsent
	}
	return tx.PutRequest(row)
}

func (p *Projection) request(tx store.Tx, r *vault.Request, e signedlog.Entry) error {
	account := r.Wants.Facts().Account
	row := store.Request{
		ID: r.Request, Entity: p.entity, Account: account, State: wire.RequestPending, Created: r.CreatedAt, Expires: r.Expires,
		Intent: string(r.Intent), Pin: store.Pin(r.GovernedBy), Attestation: r.Attestation, Impact: (*store.Impact)(r.Impact), Seq: e.Seq,
	}
	if p.state.Decide(r, r.CreatedAt).State == governance.Uninitiated {
		row.State = wire.RequestUnsent
	}
	if to, ok := r.Receives(); ok && to.Account == account { // that of an account to be created is watched when there is one
		if err := watch(tx, store.Address{Chain: to.Chain, Address: to.Address, Entity: p.entity, Account: account, Request: r.Request}); err != nil {
			return err
		}
	}
	if err := p.rate(tx, r, e.Seq); err != nil {
		return err
	}
	return tx.PutRequest(row)
}

// rate keeps the rate that a request came with, which was verified with its entry.
func (p *Projection) rate(tx store.Tx, r *vault.Request, seq int64) error {
	v := r.Recorded.Value
	if v == nil {
		return nil
	}
	of := r.Wants.Facts()
	return tx.PutRate(store.Rate{Entity: p.entity, Account: of.Account, Seq: seq, Source: v.Source, Asset: of.Currency, Currency: v.Currency, Rate: v.Rate, At: v.At})
}

// decision adds the newest decision to a request.
func (p *Projection) decision(tx store.Tx, r *vault.Request) error {
	row, err := tx.Request(p.entity, r.Request)
	if err != nil {
		return err
	}
	a := r.Accepted[len(r.Accepted)-1]
	row.Decisions = append(row.Decisions, store.Decision{Member: a.Member, Step: a.Step, Decision: a.Decision, Verdict: string(a.Verdict), Reason: a.Reason, At: a.At.Unix(), Seq: a.Seq})
	if a.Decision == statement.Initiate {
		row.State = wire.RequestPending
	}
	return tx.PutRequest(row)
}

func (p *Projection) outcome(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.OutcomeBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	row, err := tx.Request(p.entity, b.Request)
	if err != nil {
		return err
	}
	row.State = strings.ToLower(b.State) // the vault takes APPROVED, REJECTED, EXPIRED and BLOCKED only
	row.Outcome, row.Reasons, row.Closed, row.CloseSeq, row.UseBy = b.State, b.Reasons, e.At, e.Seq, b.UseBy
	if err := tx.PutRequest(row); err != nil {
		return err
	}
	if b.State == string(governance.Approved) {
		if err := errors.Join(sends(tx, row, e.At), speaks(tx, row, e.At)); err != nil {
			return err
		}
	}
	if p.state.Rotated() == e.Seq {
		if err := errors.Join(p.left(tx), p.unsaid(tx)); err != nil {
			return err
		}
	}
	if n := len(p.state.Changes); n > 0 && p.state.Changes[n-1] == e.Seq {
		return p.governance(tx)
	}
	return nil
}

// own refuses an entry with an address that the log of another entity has: what arrives
// there is that one's, and nothing of it is shown here.
func (p *Projection) own(tx store.Tx, e signedlog.Entry) error {
	for _, a := range received(e) {
		known, err := tx.Address(a.Chain, a.Address)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if known.Entity != p.entity {
			return fault.New(fault.LogCorrupt, fmt.Sprintf("entry %d is about the address %s on %s, which is another entity's", e.Seq, a.Address, a.Chain)).With("entry", fmt.Sprint(e.Seq))
		}
	}
	return nil
}

// received are the addresses that an entry says the vault has; none where it cannot be
// read, which is found when it is applied.
func received(e signedlog.Entry) (all []intent.Deposit) {
	switch e.Type {
	case signedlog.Genesis:
		b, _ := e.Genesis()
		g, _ := statement.Decode[statement.Genesis](b.Genesis)
		for _, a := range g.Accounts {
			all = append(all, intent.Deposit{Account: a.Account, Chain: a.Chain, Address: a.Address})
		}
	case signedlog.Request:
		var b signedlog.RequestBody
		if strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody) != nil {
			return nil
		}
		wants, _ := intent.Open(b.Intent)
		if r, ok := wants.(intent.Receiver); ok {
			all = append(all, r.Receives())
		}
	}
	return all
}

// watch watches an address of the vault from now on, for good. When its key is
// new, whatever its balance shows has arrived for the vault. An address whose
// request ended unapproved comes again, for another request of the account: what
// arrives from now on is that one's.
func watch(tx store.Tx, a store.Address) error {
	known, err := tx.Address(a.Chain, a.Address)
	if errors.Is(err, store.ErrNotFound) {
		a.Balance, a.Swept = "0", -1
		return tx.PutAddress(a)
	}
	if err != nil || known.Entity != a.Entity || known.Account != a.Account || known.Request == "" || a.Request == "" {
		return err
	}
	return tx.HandAddress(a.Chain, a.Address, a.Request)
}

// Decide asks the rules about a request as it was or will be at a time: as the signer
// did at its outcome, once there is one.
func Decide(r store.Request, g *vault.Governance, now time.Time) governance.Decision {
	seq := int64(vault.Newest)
	if r.Outcome != "" {
		now, seq = time.Unix(r.Closed, 0).UTC(), r.CloseSeq-1
	}
	var said vault.Said
	for _, d := range r.Decisions {
		if d.Verdict != "" {
			said.Judge(d.Member, d.Step, governance.Verdict(d.Verdict), d.Seq, time.Unix(d.At, 0).UTC())
			continue
		}
		said.Add(d.Member, d.Step, d.Decision, d.Seq, time.Unix(d.At, 0).UTC())
	}
	b := signedlog.RequestBody{
		Request: r.ID, Created: r.Created.Unix(), Expires: r.Expires, Intent: intent.Doc(r.Intent), GovernedBy: statement.GovernedBy(r.Pin), Attestation: r.Attestation,
	}
	var facts governance.Facts
	if wants, err := intent.Open(b.Intent); err == nil { // which it was when its entry was applied
		facts = wants.Facts()
	}
	return g.Ask(b, facts, said, now, seq)
}

// Governance is who may decide what in a vault, in every version.
type Governance = vault.Governance

// ReportingKey is who may read what.
type ReportingKey = vault.ReportingKey

// Governs finds who may decide what in the vault of an entity. It fails with
// [store.ErrNotFound] before its signer's log was read.
func Governs(tx store.Tx, entity string) (*Governance, error) {
	raw, err := tx.Governance(entity)
	if err != nil {
		return nil, err
	}
	return vault.ReadGovernance([]byte(raw))
}

// Genesis is the genesis of an entity as it would be written now. It fails as
// [Governs] does.
func Genesis(tx store.Tx, entity string) (statement.Genesis, error) {
	g, err := Governs(tx, entity)
	if err != nil {
		return statement.Genesis{}, err
	}
	return g.Current(), nil
}
