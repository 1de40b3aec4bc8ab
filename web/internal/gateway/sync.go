package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// pageSize is how many entries are read at once; a page is one transaction.
const pageSize = 100

// syncState is how the last reading went.
type syncState struct {
	mu      sync.Mutex
	at      time.Time
	stopped bool
	err     error
}

func (s *syncState) set(at time.Time, stopped bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.at, s.stopped = at, stopped
	}
}

// says is a word for how the signer is: ok, stopped (it answers and decides
// nothing), log_corrupt or unavailable.
func (s *syncState) says() string {
	_, err := s.get()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fault.CodeOf(err) == fault.LogCorrupt:
		return "log_corrupt"
	case err != nil:
		return "unavailable"
	case s.stopped:
		return "stopped"
	}
	return "ok"
}

// get returns when the log was last read, and why the last reading failed.
func (s *syncState) get() (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && s.at.IsZero() {
		return s.at, fault.New(fault.SignerDown, "the signer's log was not read yet")
	}
	return s.at, s.err
}

// Sync reads what is new in the signer's log. It fails with LOG_CORRUPT, and
// changes nothing, when that does not follow what was read before.
func (g *Gateway) Sync(ctx context.Context) error {
	g.syncMu.Lock()
	defer g.syncMu.Unlock()
	stopped := false
	err := g.readLog(ctx, &stopped)
	if ctx.Err() == nil {
		g.sync.set(g.now(), stopped, err)
	}
	return err
}

func (g *Gateway) readLog(ctx context.Context, stopped *bool) error {
	for {
		mark := g.chain.Mark
		page, err := g.cfg.Signer.Log(ctx, mark.Size-1, pageSize)
		if err != nil {
			return err
		}
		*stopped = page.Stopped != ""
		switch {
		case page.Size < mark.Size:
			return fault.New(fault.LogCorrupt, "the signer's log is shorter than it was").With("entry", fmt.Sprint(page.Size))
		case page.Size == mark.Size && page.Size > 0 && page.Head != mark.Head:
			return fault.New(fault.LogCorrupt, "the signer's log is not the one that was read before").With("entry", fmt.Sprint(page.Size-1))
		case page.Size == mark.Size:
			return nil
		case len(page.Entries) == 0:
			return fault.New(fault.LogCorrupt, "the signer's log has entries that it does not show")
		}
		next := g.chain
		err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
			next = g.chain
			for _, line := range page.Entries {
				e, hash, err := next.Next(line.JWS)
				if err != nil {
					return err
				}
				if err := tx.AppendLine(store.Line{Seq: e.Seq, Text: line.JWS, Hash: hash}); err != nil {
					return err
				}
				if err := g.apply(tx, e); err != nil {
					return fmt.Errorf("apply entry %d: %w", e.Seq, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		g.chain = next
	}
}

// apply brings an entry into the read model.
func (g *Gateway) apply(tx store.Tx, e signedlog.Entry) error {
	switch e.Type {
	case signedlog.Genesis:
		if strings.HasPrefix(string(e.Body), `{"v":1,`) {
			return vault.Earlier()
		}
		gen, err := statement.Decode[statement.Genesis](e.Body)
		if err != nil {
			return err
		}
		if k, err := jws.FromJWK(gen.Signer.Statement); err != nil || !k.Equal(g.cfg.Key) || gen.Entity != g.cfg.Entity {
			return fault.New(fault.LogCorrupt, "the genesis is of another signer than the signer file names").With("entry", "0")
		}
		for _, a := range gen.Accounts {
			if err := watchFrom(tx, store.Address{Chain: a.Chain, Address: a.Address, Entity: gen.Entity, Account: a.Account}); err != nil {
				return err
			}
		}
		return tx.PutGenesis(gen)
	case signedlog.Request:
		var b signedlog.RequestBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		wants, err := intent.Open(b.Intent)
		if err != nil {
			return err
		}
		gen, err := tx.Genesis(g.cfg.Entity)
		if err != nil {
			return err
		}
		r := store.Request{
			ID: b.Request, Entity: g.cfg.Entity, Account: wants.Facts().Account, State: wire.RequestPending,
			Created: time.Unix(b.Created, 0).UTC(), Body: b, Seq: e.Seq,
		}
		if d := decide(r, gen, r.Created); d.State == governance.Uninitiated {
			r.State = wire.RequestUnsent
		}
		if own, ok := wants.(intent.Receiver); ok {
			to := own.Receives()
			if r.Verified = g.attested(b, to) == nil; r.Verified { // else nothing says that the address is the vault's
				err := watchFrom(tx, store.Address{Chain: to.Chain, Address: to.Address, Entity: r.Entity, Account: r.Account, Request: r.ID})
				if err != nil {
					return err
				}
			}
		}
		return tx.PutRequest(r)
	case signedlog.Initiation:
		return g.applyVote(tx, e, statement.TypInitiation)
	case signedlog.Approval:
		return g.applyVote(tx, e, statement.TypApproval)
	case signedlog.Clock:
		return nil // it dates what follows
	case signedlog.Outcome:
		var b signedlog.OutcomeBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		r, err := tx.Request(g.cfg.Entity, b.Request)
		if err != nil {
			return err
		}
		state := strings.ToLower(b.State)
		if state != wire.RequestApproved && state != wire.RequestRejected && state != wire.RequestExpired {
			return fault.New(fault.LogCorrupt, "an outcome has a state that does not exist").With("entry", fmt.Sprint(e.Seq))
		}
		r.State, r.Outcome, r.Reasons, r.Closed, r.CloseSeq, r.UseBy = state, b.State, b.Reasons, e.At, e.Seq, b.UseBy
		return tx.PutRequest(r)
	}
	return fault.New(fault.LogCorrupt, "an entry has a type that this version does not know").With("entry", fmt.Sprint(e.Seq))
}

// watchFrom watches an address of the vault from now on, for good. When its key is
// new, whatever its balance shows has arrived for the vault. An address whose
// request ended unapproved comes again, for another request of the account: what
// arrives from now on is that one's.
func watchFrom(tx store.Tx, a store.Address) error {
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

// applyVote verifies the member's signature, for the purpose typ, before it believes the
// signer.
func (g *Gateway) applyVote(tx store.Tx, e signedlog.Entry, typ string) error {
	var b signedlog.DecisionBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxLine); err != nil {
		return err
	}
	gen, err := tx.Genesis(g.cfg.Entity)
	if err != nil {
		return err
	}
	for _, m := range gen.Members {
		if m.Member != b.Member {
			continue
		}
		key, err := jws.FromJWK(m.Approval)
		if err != nil {
			return err
		}
		payload, err := jws.Verify(b.JWS, typ, key)
		if err != nil {
			return err
		}
		a, err := statement.DecodeDecision(payload)
		if err != nil {
			return err
		}
		r, err := tx.Request(g.cfg.Entity, b.Request)
		if err != nil {
			return err
		}
		if statement.Typ(a.Decision) != typ || a.Request != b.Request || a.Member != b.Member || !bytes.Equal(a.Intent, r.Body.Intent) {
			return fault.New(fault.LogCorrupt, "an approval is of another request").With("entry", fmt.Sprint(e.Seq))
		}
		r.Votes = append(r.Votes, store.Vote{Approval: a, At: e.At, Seq: e.Seq})
		if a.Decision == statement.Initiate {
			r.State = wire.RequestPending
		}
		return tx.PutRequest(r)
	}
	return fault.New(fault.LogCorrupt, "an approval is by somebody who is not a member").With("entry", fmt.Sprint(e.Seq))
}

// attested checks the signer's word that the vault made the request's address.
func (g *Gateway) attested(b signedlog.RequestBody, to intent.Deposit) error {
	payload, err := jws.Verify(b.Attestation, statement.TypAddress, g.cfg.Key)
	if err != nil {
		return err
	}
	a, err := statement.Decode[statement.Address](payload)
	if err != nil {
		return err
	}
	if a.Entity != g.cfg.Entity || a.Account != to.Account || a.Request != b.Request || a.Chain != to.Chain || a.Address != to.Address {
		return fault.New(fault.SignatureInvalid, "the attestation is of another address")
	}
	key, err := jws.FromJWK(a.PublicKey)
	if err != nil {
		return err
	}
	if strings.HasPrefix(a.Chain, "eip155:") && (!eip55.Valid(a.Address) || !strings.EqualFold(a.Address, eip55.Of(key.Uncompressed()[1:]))) {
		return fault.New(fault.SignatureInvalid, "the attested address is not the one of its key")
	}
	return nil
}
