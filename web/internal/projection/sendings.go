package projection

import (
	"errors"
	"maps"
	"slices"
	"time"

	"countersign/shared/effects"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
	"countersign/web/internal/store"
)

// sends begins the sending of a request that was approved, if it ends in a transaction
// that can be sent.
func sends(tx store.Tx, row store.Request, at int64) error {
	wants, err := intent.Open(intent.Doc(row.Intent))
	if err != nil {
		return err
	}
	does, err := effects.Of(wants)
	if err != nil || does == nil { // this version knows its asset no more: the signer signs nothing either
		return nil //nolint:nilerr // as said
	}
	if _, err := effects.Number(does.Chain); err != nil {
		return nil //nolint:nilerr // nothing can be sent there
	}
	s := store.Sending{
		Request: row.ID, Entity: row.Entity, Account: row.Account, Chain: does.Chain, State: store.SendingApproved, Attempts: []store.Attempt{}, Updated: time.Unix(at, 0).UTC(),
	}
	if r, ok := wants.(intent.Replace); ok {
		s.Replaces, s.Cancels = r.Request, r.Action == intent.Cancel
	}
	return tx.PutSending(s)
}

// signing keeps the attempt that is about to be signed.
func (p *Projection) signing(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.SigningBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	row, err := tx.Sending(p.entity, b.Request)
	if err != nil {
		return err
	}
	row.Attempts = append(row.Attempts, store.Attempt{Nonce: b.Nonce, Gas: b.Fees.Gas, FeeCap: b.Fees.FeeCap, Tip: b.Fees.Tip, At: e.At})
	row.Updated = time.Unix(e.At, 0).UTC()
	return tx.PutSending(row)
}

// signed keeps the bytes of the attempt that was signed. What the chain said of an earlier
// attempt stays.
func (p *Projection) signed(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.SignedBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	row, err := tx.Sending(p.entity, b.Request)
	if err != nil {
		return err
	}
	read, _, err := vault.Attempt{Raw: b.Raw}.Signed()
	if err != nil {
		return err
	}
	last := &row.Attempts[len(row.Attempts)-1]
	last.Raw, last.Hash = b.Raw, read.Hash
	row.Updated = time.Unix(e.At, 0).UTC()
	if row.State == store.SendingApproved || row.State == store.SendingSubmitted {
		row.State, row.Reason, row.Tried = store.SendingSigned, "", time.Time{}
	}
	return tx.PutSending(row)
}

// left ends what was not signed before the vault's keys were rotated: nothing more is. What was
// signed goes on as it is, from an address that accounts do not have any more.
func (p *Projection) left(tx store.Tx) error {
	chains := map[string]bool{}
	for _, a := range p.state.Current().Accounts {
		chains[a.Chain] = true
	}
	for _, chain := range slices.Sorted(maps.Keys(chains)) {
		all, err := tx.OpenOf(p.entity, chain)
		if err != nil {
			return err
		}
		for _, s := range all {
			if n := len(s.Attempts); n > 0 && s.Attempts[n-1].Raw == "" {
				s.Attempts = s.Attempts[:n-1]
			}
			if s.Left = true; len(s.Attempts) == 0 {
				s.State, s.Reason = store.SendingLapsed, "the vault's keys were rotated before it was signed"
			}
			if err := tx.PutSending(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweeping keeps the sweep that is about to be signed.
func (p *Projection) sweeping(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.SweepingBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	account, _ := p.state.Account(b.Account)
	name := store.SweepName(p.entity, b.Address, b.Nonce)
	row, err := tx.Sending(p.entity, name)
	if errors.Is(err, store.ErrNotFound) {
		row, err = store.Sending{Request: name, Entity: p.entity, Account: b.Account, Chain: account.Chain, Sweep: b.Address, State: store.SendingApproved}, nil
	}
	if err != nil {
		return err
	}
	row.Attempts = append(row.Attempts, store.Attempt{Nonce: b.Nonce, Gas: b.Fees.Gas, FeeCap: b.Fees.FeeCap, Tip: b.Fees.Tip, Amount: b.Amount, At: e.At})
	row.Updated = time.Unix(e.At, 0).UTC()
	return tx.PutSending(row)
}

// swept keeps the bytes of the sweep that was signed.
func (p *Projection) swept(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.SweptBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	read, _, err := vault.Attempt{Raw: b.Raw}.Signed()
	if err != nil {
		return err
	}
	row, err := tx.Sending(p.entity, store.SweepName(p.entity, b.Address, int64(read.Nonce)))
	if err != nil {
		return err
	}
	last := &row.Attempts[len(row.Attempts)-1]
	last.Raw, last.Hash = b.Raw, read.Hash
	row.Updated = time.Unix(e.At, 0).UTC()
	if row.State == store.SendingApproved || row.State == store.SendingSubmitted {
		row.State, row.Reason, row.Tried = store.SendingSigned, "", time.Time{}
	}
	return tx.PutSending(row)
}
