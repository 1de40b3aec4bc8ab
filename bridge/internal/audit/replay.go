package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"countersign/bridge/internal/fold"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// attempts is how often answers are asked for again because the log grew meanwhile.
const attempts = 5

// progressTime is how often a long replay says how far it is.
const progressTime = 2 * time.Second

// replay is a log that is read through a gateway.
type replay struct {
	*auditor
	told     io.Writer // how far it is
	kept     *keeper   // nil: no copy is kept
	chain    signedlog.Chain
	state    *vault.State
	requests map[string]*vault.Request // all of them
	noted    int64                     // how many entries the signer's note is about
	root     tlog.Hash                 // of the tree over so many
	began    time.Time
	last     time.Time
}

// Run replays the log of a vault from its genesis, every signature and every decision in
// it, and compares the gateway's answers about members, accounts and requests with it.
// What differs is written to out, a line for each. Where a copy is kept, it goes as far as
// what was verified, and what it had is compared with it. It fails with LOG_CORRUPT, naming the
// entry, when the log does not hold, and with CONFLICT when answers differ.
func Run(ctx context.Context, cfg Config, out, progress io.Writer) (err error) {
	a, err := open(cfg)
	if err != nil {
		return err
	}
	r := &replay{
		auditor: a, told: progress, chain: signedlog.Chain{Key: a.vault.Root}, state: vault.New(a.vault.Root, nil),
		requests: map[string]*vault.Request{}, began: time.Now(), last: time.Now(),
	}
	r.state.Ahead = &jws.Ahead{}
	r.chain.Inner = r.state.Look
	if cfg.Keep != "" {
		if r.kept, err = newKeeper(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.kept.close()) }()
	}
	differences, err := r.compare(ctx)
	if err == nil && r.kept != nil {
		err = r.kept.keep(cfg.Keep)
	}
	if err != nil {
		return err
	}
	for _, d := range differences {
		if _, err := fmt.Fprintln(out, d); err != nil {
			return err
		}
	}
	root := r.chain.Tree.Root()
	_, err = fmt.Fprintf(out, "%s: %s and %s verified from the genesis in %s\nhead %s\nroot %s\n", r.state.Genesis.Entity, fold.Count(int(r.chain.Mark.Size), "entry", "entries"),
		fold.Count(len(r.requests), "request", "requests"), time.Since(r.began).Round(time.Millisecond), r.chain.Mark.Head, root)
	if err == nil && len(differences) > 0 {
		err = fault.New(fault.Conflict, fmt.Sprintf("the gateway says otherwise than the log in %s", fold.Count(len(differences), "place", "places")))
	}
	return err
}

// compare replays the log to its end, and reads the gateway's answers of the same moment.
func (r *replay) compare(ctx context.Context) ([]string, error) {
	for range attempts {
		if err := r.follow(ctx); err != nil {
			return nil, err
		}
		a, err := r.answers(ctx, len(r.requests))
		if err != nil {
			return nil, err
		}
		if at := a.entity.Log; at.Size != r.chain.Mark.Size {
			continue // it grew
		}
		return r.differences(a), nil
	}
	return nil, fault.New(fault.Unavailable, "the log grows while it is compared: try again when less happens")
}

// follow verifies what is new in the log, and holds the signer's note against it.
func (r *replay) follow(ctx context.Context) error {
	text, size, err := r.newest(ctx)
	switch {
	case r.kept != nil && fault.CodeOf(err) == fault.SignerDown: // its log may be what is to be restored
		fmt.Fprintln(r.told, "The signer gives no note about its log: whether the log ends where the gateway says, only the vault's token knows.")
	case err != nil:
		return err
	case size < r.chain.Mark.Size:
		return fault.New(fault.LogCorrupt, "the signer's note is about fewer entries than the gateway has shown").With("part", "note")
	case size == r.chain.Mark.Size:
		r.noted, r.root = size, r.chain.Tree.Root()
		return r.holds(text)
	}
	r.noted = size
	pipe, w := io.Pipe()
	go func() { w.CloseWithError(r.lines(ctx, r.chain.Mark.Size, w)) }()
	_, err = r.chain.Verify(pipe, r.visit)
	_ = pipe.CloseWithError(err) // ends the reader of the gateway
	if err == nil && r.chain.Mark.Size < size {
		err = fault.New(fault.LogCorrupt, fmt.Sprintf("the gateway shows %d entries of a log of %d", r.chain.Mark.Size, size)).With("entry", fmt.Sprint(r.chain.Mark.Size))
	}
	if err == nil && text != "" {
		err = r.holds(text)
	}
	return err
}

// holds verifies a note about the log as far as it was read, with the key that the log led to, and
// holds it against the tree.
func (r *replay) holds(text string) error {
	key, err := r.state.NoteKey(r.noted)
	if err != nil {
		return err
	}
	n, err := signedlog.ReadNote(text, r.vault.Entity, r.vault.Root, key)
	if err == nil && (n.Size != r.noted || n.Root != r.root) {
		err = fault.New(fault.LogCorrupt, "the log is forked: the signer's note is about another log than the gateway shows").With("part", "note").With("reason", "fork")
	}
	return err
}

// newest is the signer's newest note, and how many entries it says that it is about: who signed
// it is known once the log is read.
func (r *replay) newest(ctx context.Context) (text string, size int64, err error) {
	c, err := r.asked(ctx, 0)
	if err != nil {
		return "", 0, err
	}
	size, err = signedlog.NoteSize(c.Note, r.vault.Entity, r.vault.Root)
	return c.Note, size, err
}

// lines writes the log from an entry on, as the gateway has it.
func (r *replay) lines(ctx context.Context, from int64, w io.Writer) error {
	for {
		var page wire.LogPage
		q := url.Values{"after": {strconv.FormatInt(from-1, 10)}, "limit": {strconv.Itoa(wire.MaxLogEntries)}}
		if err := r.get(ctx, "/v1/log", q, &page); err != nil || len(page.Entries) == 0 {
			return err
		}
		for _, e := range page.Entries {
			if _, err := io.WriteString(w, e.JWS+"\n"); err != nil {
				return err
			}
		}
		from += int64(len(page.Entries))
	}
}

// visit applies an entry.
func (r *replay) visit(e signedlog.Entry, line, hash string) error {
	if err := r.state.Apply(e, hash); err != nil {
		return err
	}
	if r.kept != nil {
		if err := r.kept.add(e, line); err != nil {
			return err
		}
	}
	if e.Type == signedlog.Genesis && r.state.Genesis.Entity != r.vault.Entity {
		return fault.New(fault.LogCorrupt, "the genesis is of another entity than the signer file names").With("entry", "0")
	}
	if e.Type == signedlog.Request {
		if id, err := e.Concerns(); err == nil {
			r.requests[id] = r.state.Request(id)
		}
	}
	if now := time.Now(); now.Sub(r.last) >= progressTime {
		r.last = now
		fmt.Fprintf(r.told, "%s verified\n", fold.Count(int(e.Seq+1), "entry", "entries"))
	}
	if r.chain.Mark.Size == r.noted {
		r.root = r.chain.Tree.Root()
	}
	return nil
}

// asked is the answer with the signer's newest note, and the proof that it follows one about
// since entries. Nothing in it is verified.
func (a *auditor) asked(ctx context.Context, since int64) (c wire.LogCheckpoint, err error) {
	q := url.Values{}
	if since > 0 {
		q.Set("since", strconv.FormatInt(since, 10))
	}
	return c, a.get(ctx, "/v1/log/checkpoint", q, &c)
}
