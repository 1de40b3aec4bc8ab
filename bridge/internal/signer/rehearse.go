package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/rehearsal"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

// ReadVault reads what is to be rehearsed: a vault (shared/spec/rehearsal.md), the draft
// of a genesis, or one rule set. Of a rule set, everybody whom it names by id is taken to
// be a member. It fails with INVALID_REQUEST, naming the line or the field.
func ReadVault(path string) (v rehearsal.Vault, err error) {
	data, err := readSmall(path, rehearsal.MaxSize)
	if err != nil {
		return v, fmt.Errorf("read the rules: %w", err)
	}
	var has map[string]any
	switch err = strictjson.UnmarshalFile(data, &has, rehearsal.MaxSize); {
	case err != nil:
	case has["entity"] != nil:
		var d Draft
		if err = strictjson.UnmarshalFile(data, &d, rehearsal.MaxSize); err == nil {
			err = d.enrol(io.Discard)
		}
		v = d.vault()
	case has["rules"] != nil:
		var s governance.Set
		err = strictjson.UnmarshalFile(data, &s, governance.MaxSize)
		v = alone(s)
	default:
		err = strictjson.UnmarshalFile(data, &v, rehearsal.MaxSize)
	}
	if err == nil {
		err = v.Check()
	}
	if err != nil {
		return v, fmt.Errorf("read %s as rules: %w", path, err)
	}
	return v, nil
}

// vault is what a draft lets be approved.
func (d Draft) vault() (v rehearsal.Vault) {
	v.Admin = &rehearsal.Admin{Quorum: d.AdminRule.Quorum}
	for _, m := range d.Members {
		v.Members = append(v.Members, rehearsal.Member{Member: m.Member, Name: m.Name, Role: m.Role})
	}
	v.Groups, v.Whitelists = d.Groups, d.Whitelists
	for _, a := range d.Accounts {
		v.Accounts = append(v.Accounts, rehearsal.Account{Account: a.Account, Name: a.Name, Rules: a.Rules})
	}
	return v
}

// alone is a vault of one account with a rule set and the members whom it names.
func alone(s governance.Set) rehearsal.Vault {
	v := rehearsal.Vault{Accounts: []rehearsal.Account{{Account: "acc_one", Name: "Main", Rules: s}}}
	add := func(ids []string) {
		for _, id := range ids {
			if !slices.ContainsFunc(v.Members, func(m rehearsal.Member) bool { return m.Member == id }) {
				v.Members = append(v.Members, rehearsal.Member{Member: id, Name: strings.TrimPrefix(id, "mem_"), Role: statement.Operator})
			}
		}
	}
	for _, r := range s.Rules {
		if r.Creation != nil {
			add(r.Creation.Members)
		}
		for _, step := range r.Steps {
			add(step.Members)
		}
	}
	return v
}

// Now is what governs a vault at the end of its log, which is verified as [History] does.
func Now(ctx context.Context, dir, signerFile string, stdio Stdio) (v rehearsal.Vault, err error) {
	key, err := statementKeyOf(ctx, dir, signerFile)
	if err != nil {
		return v, err
	}
	state, _, err := walk(ctx, dir, key, "verified", stdio, func(_ *vault.State, _ signedlog.Entry, apply func() error) error { return apply() })
	if err != nil {
		return v, err
	}
	g := state.Current()
	v = Draft{AdminRule: g.AdminRule, Groups: g.Groups, Whitelists: g.Whitelists}.vault()
	for _, m := range g.Members {
		if p, ok := state.Person(m.Member); ok && p.State == intent.Active {
			v.Members = append(v.Members, rehearsal.Member{Member: m.Member, Name: m.Name, Role: m.Role})
		}
	}
	for _, a := range g.Accounts {
		v.Accounts = append(v.Accounts, rehearsal.Account{Account: a.Account, Name: a.Name, Rules: a.Rules})
	}
	return v, nil
}

// History is what a log says of its requests, in the order of their creation. All of the
// log is verified, as [VerifyLog] does: with the statement key of signerFile, or when that
// is empty with the key that the log itself begins with, which proves only that nobody
// else changed it. At the end of it mark says how much that was. It says to stdio.Err how
// far it is. Errors are those of [VerifyLog].
func History(ctx context.Context, dir, signerFile string, mark *signedlog.Mark, stdio Stdio) iter.Seq2[rehearsal.Past, error] {
	return func(yield func(rehearsal.Past, error) bool) {
		h := replay{yield: yield, began: map[string]*told{}}
		key, err := statementKeyOf(ctx, dir, signerFile)
		if err == nil {
			_, *mark, err = walk(ctx, dir, key, "replayed", stdio, h.visit)
		}
		if err == nil {
			err = h.rest()
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(rehearsal.Past{}, err)
		}
	}
}

var errEnough = errors.New("no more of the history is asked for")

// statementKeyOf is the key that a log must be signed with.
func statementKeyOf(ctx context.Context, dir, signerFile string) (key jws.PublicKey, err error) {
	if signerFile != "" {
		pinned, err := readSigner(signerFile)
		return pinned.Statement, err
	}
	line, err := genesisLine(ctx, dir)
	if err != nil {
		return key, err
	}
	payload, err := jws.Payload(line)
	if err != nil {
		return key, fault.Wrap(err, fault.LogCorrupt, "the log is corrupt: entry 0 is not signed").With("entry", "0")
	}
	e, err := signedlog.Decode(payload)
	if err != nil {
		return key, fault.Wrap(err, fault.LogCorrupt, "the log is corrupt: entry 0 has another form than an entry").With("entry", "0")
	}
	b, err := e.Genesis()
	if err != nil {
		return key, fmt.Errorf("read the genesis of the log: %w", err)
	}
	g, err := statement.Decode[statement.Genesis](b.Genesis)
	if err != nil {
		return key, fmt.Errorf("read the genesis of the log: %w", err)
	}
	return jws.FromJWK(g.Signer.Statement)
}

// replay makes requests of entries.
type replay struct {
	yield func(rehearsal.Past, error) bool
	queue []*told // in the order of their entries, from the first that is open
	began map[string]*told
}

// told is a request as far as the log has told it.
type told struct {
	past    rehearsal.Past
	request *vault.Request
	closed  bool
}

func (h *replay) visit(s *vault.State, e signedlog.Entry, apply func() error) error {
	switch e.Type {
	case signedlog.Request:
		var b signedlog.RequestBody
		if err := errors.Join(apply(), strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody)); err != nil {
			return err
		}
		r := s.Request(b.Request)
		t := &told{request: r, past: rehearsal.Past{Request: b.Request, Facts: r.Wants.Facts(), Recorded: b.Recorded, Created: r.CreatedAt, Expires: time.Unix(b.Expires, 0).UTC()}}
		t.say(s.Decide(r, r.CreatedAt))
		h.began[b.Request], h.queue = t, append(h.queue, t)
		return nil
	case signedlog.Governed:
		var b signedlog.GovernedBody
		if err := errors.Join(apply(), strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody)); err != nil {
			return err
		}
		if t := h.began[b.Request]; t != nil {
			t.say(s.Decide(t.request, time.Unix(e.At, 0)))
			t.past.Expires = time.Unix(b.Expires, 0).UTC()
		}
		return nil
	case signedlog.Outcome:
		var b signedlog.OutcomeBody
		if err := errors.Join(apply(), strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody)); err != nil {
			return err
		}
		t := h.began[b.Request]
		if t == nil {
			return nil // of a kind that is not looked at
		}
		t.closed, t.past.State, t.past.Ended = true, governance.State(b.State), time.Unix(e.At, 0).UTC()
		delete(h.began, b.Request)
		return h.flush()
	}
	return apply()
}

// say takes what the rules that govern a request ask for.
func (t *told) say(d governance.Decision) {
	t.past.State, t.past.Rule = d.State, d.Rule
	t.past.Needed = 0
	for _, s := range d.Steps {
		t.past.Needed += s.Needed
	}
}

// flush hands on what is closed, up to the first that is open.
func (h *replay) flush() error {
	for len(h.queue) > 0 && h.queue[0].closed {
		if err := h.hand(h.queue[0]); err != nil {
			return err
		}
		h.queue = h.queue[1:]
	}
	return nil
}

// rest hands on what is left, when the log has ended.
func (h *replay) rest() error {
	for _, t := range h.queue {
		if err := h.hand(t); err != nil {
			return err
		}
	}
	return nil
}

func (h *replay) hand(t *told) error {
	r, p := t.request, t.past
	p.Initiator, p.Approvals = r.Initiator(), []string{}
	for _, a := range r.Accepted {
		if a.Decision == statement.Approve {
			p.Approvals = append(p.Approvals, a.Member)
		}
		p.Approved = a.At
		if !t.closed {
			p.State = a.State
		}
	}
	if p.State != governance.Approved {
		p.Approved = time.Time{}
	}
	if !h.yield(p, nil) {
		return errEnough
	}
	return nil
}
