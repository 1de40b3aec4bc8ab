package approver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"countersign/bridge/internal/control"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// state is what commands see and change of a bridge: in the bridge that runs, or in a
// command that has the lock.
type state struct {
	pairings *site.Pairings
	blocks   *site.Blocks
	origins  *Origins
	path     string // of the journal
	journal  func() (*journal.Journal, error)
	bridge   *Bridge // nil: none runs

	mu sync.Mutex // one change at a time, and its line of the journal
}

// Client is how commands speak to the bridge of a configuration, or do without.
func Client(cfg Config) *control.Client {
	file, err := filepath.Abs(cfg.file)
	if err != nil || cfg.file == "" {
		file = ""
	}
	return &control.Client{StateDir: cfg.StateDir, File: file, Trust: func() error { return cfg.Trust(nil) }, Files: func() (control.Handlers, func() error, error) {
		var open *journal.Journal
		s := &state{pairings: site.OpenPairings(cfg.StateDir), blocks: site.OpenBlocks(cfg.StateDir), origins: OpenOrigins(cfg), path: JournalPath(cfg),
			journal: sync.OnceValues(func() (_ *journal.Journal, err error) { // opened when there is something to write
				if open, err = journal.Open(journal.Config{Path: JournalPath(cfg)}); err != nil {
					return nil, fault.Wrap(err, fault.JournalDown, "the journal cannot be written")
				}
				return open, nil
			})}
		return trusting(cfg, s.handlers()), func() error {
			if open == nil {
				return nil
			}
			return open.Close()
		}, nil
	}}
}

// trusting are handlers that believe no files that another user could have written. A
// journal is read all the same: it shows what was done.
func trusting(cfg Config, h control.Handlers) control.Handlers {
	for name, do := range h {
		if name == control.JournalEnd.Name {
			continue
		}
		h[name] = func(ctx context.Context, params strictjson.Raw) (any, error) {
			if err := cfg.Trust(nil); err != nil {
				return nil, err
			}
			return do(ctx, params)
		}
	}
	return h
}

// JournalPath is where the journal of a bridge is.
func JournalPath(cfg Config) string { return filepath.Join(cfg.StateDir, "journal.log") }

// Commands answers what commands ask the bridge that runs.
func (b *Bridge) Commands() control.Handlers {
	s := &state{pairings: b.pairings, blocks: b.sites.Blocks, origins: b.origins, bridge: b,
		journal: func() (*journal.Journal, error) { return b.deps.Journal, nil }}
	h := s.handlers()
	control.Handle(h, control.Seen, func(ctx context.Context, _ control.None) (control.SeenResult, error) {
		return control.SeenResult{Notes: b.seen(ctx)}, nil
	})
	return h
}

func (s *state) handlers() control.Handlers {
	h := control.Handlers{}
	control.Handle(h, control.ListPairings, s.listPairings)
	control.Handle(h, control.RevokePairings, s.revoke)
	control.Handle(h, control.ListOrigins, s.listOrigins)
	control.Handle(h, control.AddOrigin, s.addOrigin)
	control.Handle(h, control.RemoveOrigin, s.removeOrigin)
	control.Handle(h, control.UnblockOrigins, s.unblock)
	control.Handle(h, control.JournalEnd, s.end)
	control.Handle(h, control.WriteToJournal, s.write)
	return h
}

func (s *state) listPairings(context.Context, control.None) (r control.PairingsResult, err error) {
	r.Connected = []string{}
	if s.bridge != nil {
		r.Connected = append(r.Connected, s.bridge.pages.Connected()...)
	}
	r.Pairings, err = s.pairings.List()
	r.Pairings = append([]site.Pairing{}, r.Pairings...)
	return r, err
}

// revoke takes pairings back, also when the journal cannot be written.
func (s *state) revoke(_ context.Context, p control.WhichParams) (r control.RevokeResult, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.pairings.List()
	if err != nil {
		return r, err
	}
	list = slices.DeleteFunc(list, func(q site.Pairing) bool { return !q.Meant(p.Which) })
	if len(list) == 0 {
		if p.Which == site.All {
			return r, fault.New(fault.NotFound, "no page is paired")
		}
		return r, fault.New(fault.NotFound, fmt.Sprintf("no page is paired under %q: pairings list shows those that are", p.Which))
	}
	for _, q := range list {
		if err := s.note(journal.Event{Kind: journal.Revoked, Origin: q.Origin, Pairing: q.ID}); err != nil {
			r.Unnoted = unnoted(err)
		}
	}
	if r.Gone, err = s.pairings.Revoke(p.Which); err != nil {
		return r, err
	}
	if s.bridge != nil {
		var ids []string
		for _, q := range r.Gone {
			ids = append(ids, q.ID)
		}
		s.bridge.pages.Revoked(ids)
	}
	return r, nil
}

// unnoted says why no line of the journal says what was done.
func unnoted(err error) *fault.Body {
	body := fault.BodyOf(err, "the journal cannot be written")
	return &body
}

func (s *state) listOrigins(context.Context, control.None) (r control.OriginsResult, err error) {
	list, leftOut := s.origins.List()
	r = control.OriginsResult{Origins: append([]string{}, list...), LeftOut: []control.LeftOut{}, Running: s.bridge != nil}
	for _, o := range leftOut {
		r.LeftOut = append(r.LeftOut, control.LeftOut{Origin: o.Origin, Why: o.Err.Error()})
	}
	var perr error
	r.Blocked, err = s.blocks.List()
	r.Pairings, perr = s.pairings.List()
	r.Blocked, r.Pairings = append([]site.Block{}, r.Blocked...), append([]site.Pairing{}, r.Pairings...)
	return r, errors.Join(err, perr)
}

// addOrigin lets a dashboard connect, once the journal says so.
func (s *state) addOrigin(_ context.Context, p control.OriginParams) (r control.AddResult, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Running = s.bridge != nil
	r.Added, err = s.origins.AddOrigin(p.Origin, func() error {
		return s.note(journal.Event{Kind: journal.OriginAdded, Origin: p.Origin})
	})
	if err == nil {
		s.admit()
	}
	return r, err
}

// removeOrigin lets a dashboard connect no more, also when the journal cannot be written.
func (s *state) removeOrigin(_ context.Context, p control.OriginParams) (r control.RemoveResult, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.origins.RemoveOrigin(p.Origin, func() {
		if err := s.note(journal.Event{Kind: journal.OriginRemoved, Origin: p.Origin}); err != nil {
			r.Unnoted = unnoted(err)
		}
	})
	if err != nil {
		return r, err
	}
	r.Ended, r.Left, r.Pairings = s.admit(), len(s.origins.Allowed()), []site.Pairing{}
	paired, err := s.pairings.List()
	for _, q := range paired {
		if q.Origin == p.Origin {
			r.Pairings = append(r.Pairings, q)
		}
	}
	return r, err
}

// admit makes the bridge that runs follow the list of origins, and says how many pages
// it disconnected.
func (s *state) admit() int {
	if s.bridge == nil {
		return 0
	}
	return s.bridge.admit()
}

// unblock lets sites ask again, once the journal says so.
func (s *state) unblock(_ context.Context, p control.WhichParams) (r control.UnblockResult, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.blocks.List()
	if err != nil {
		return r, err
	}
	list = slices.DeleteFunc(list, func(b site.Block) bool { return !b.Meant(p.Which) })
	if len(list) == 0 {
		if p.Which == site.All {
			return r, fault.New(fault.NotFound, "no site is blocked")
		}
		return r, fault.New(fault.NotFound, fmt.Sprintf("%q is not blocked: origins list shows those that are", p.Which))
	}
	for _, b := range list {
		if err := s.note(journal.Event{Kind: journal.Unblocked, Origin: b.Origin}); err != nil {
			return r, err
		}
	}
	r.Gone, err = s.blocks.Unblock(p.Which)
	return r, err
}

// end says where the journal ends.
func (s *state) end(ctx context.Context, p control.EndParams) (r control.EndResult, err error) {
	if s.bridge == nil {
		info, err := os.Stat(s.path)
		if err != nil {
			return r, fmt.Errorf("open journal: %w", err)
		}
		r.Bytes = info.Size()
		return r, nil
	}
	ctx, cancel := context.WithTimeout(ctx, control.FollowTime)
	defer cancel()
	return control.EndResult{End: s.bridge.deps.Journal.Grown(ctx, p.After), Running: true}, nil
}

// write writes what a command does with keys, and says where the journal ends.
func (s *state) write(_ context.Context, p control.JournalParams) (journal.Head, error) {
	for _, e := range p.Events {
		if !slices.Contains(control.CommandEvents, e.Kind) {
			return journal.Head{}, fault.New(fault.Invalid, "a command does not write such a line of the journal").With("field", "events")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range p.Events {
		if err := s.note(e); err != nil {
			return journal.Head{}, err
		}
	}
	book, err := s.journal()
	if err != nil {
		return journal.Head{}, err
	}
	return book.Head(), nil
}

// note writes a line of the journal.
func (s *state) note(e journal.Event) error {
	book, err := s.journal()
	if err != nil {
		return err
	}
	return book.Append(e)
}
