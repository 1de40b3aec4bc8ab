package projection

import (
	"time"

	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// speaks begins the signing of a message that was approved.
func speaks(tx store.Tx, row store.Request, at int64) error {
	wants, err := intent.Open(intent.Doc(row.Intent))
	if err != nil {
		return err
	}
	m, ok := wants.(intent.Messenger)
	if !ok {
		return nil
	}
	signs, err := m.Signs()
	if err != nil {
		return err
	}
	return tx.PutMessage(store.Message{
		Request: row.ID, Entity: row.Entity, State: store.MessageApproved, Address: signs.Address, Digest: signs.DigestText(), Updated: time.Unix(at, 0).UTC(),
	})
}

// signingMessage keeps that a message is about to be signed.
func (p *Projection) signingMessage(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.SigningMessageBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	row, err := tx.Message(p.entity, b.Request)
	if err != nil {
		return err
	}
	row.Begun, row.State, row.Updated = true, store.MessageApproved, time.Unix(e.At, 0).UTC()
	return tx.PutMessage(row)
}

// signedMessage keeps the signature of a message: the request is completed.
func (p *Projection) signedMessage(tx store.Tx, e signedlog.Entry) error {
	var b signedlog.SignedMessageBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	row, err := tx.Message(p.entity, b.Request)
	if err != nil {
		return err
	}
	row.State, row.Signature, row.SignedAt, row.Reason, row.Updated = store.MessageSigned, b.Signature, e.At, "", time.Unix(e.At, 0).UTC()
	if err := tx.PutMessage(row); err != nil {
		return err
	}
	r, err := tx.Request(p.entity, b.Request)
	if err != nil {
		return err
	}
	r.State = wire.RequestCompleted
	return tx.PutRequest(r)
}

// leftAtOnce is how many messages are read at once when the vault's keys are rotated.
const leftAtOnce = 1000

// unsaid ends the messages that were not signed before the vault's keys were rotated.
func (p *Projection) unsaid(tx store.Tx) error {
	for {
		all, err := tx.OpenMessages(p.entity, "", leftAtOnce)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, m := range all {
			m.State, m.Reason = store.MessageLapsed, "the vault's keys were rotated before it was signed"
			if err := tx.PutMessage(m); err != nil {
				return err
			}
		}
	}
}
