package signer

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/rehearsal"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// heard is how many lines of the log are read at a time.
const heard = 4096

// Impact is the report of what a change of the vault does, over the part of the log that
// its request names: the same bytes each time, whose digest administrators sign. It fails
// with NOT_FOUND, and with CONFLICT for a request that changes nothing in the vault.
func (s *Service) Impact(ctx context.Context, id string) (rehearsal.Report, error) {
	change, said, g, err := s.changing(ctx, id)
	if err != nil {
		return rehearsal.Report{}, err
	}
	r, err := s.rehearse(ctx, g.Before(said.Log), change, said.Log)
	if err == nil && r.Digest() != said.Report {
		err = fault.New(fault.LogCorrupt, "the report is another one than the request names").With("part", "impact")
	}
	return r, err
}

// changing is what a request changes, what it says of that, and what governs the vault now.
func (s *Service) changing(ctx context.Context, id string) (c intent.Change, _ *statement.Impact, _ *vault.Governance, err error) {
	if err := s.begin(); err != nil {
		return nil, nil, nil, err
	}
	defer s.end(ctx, &err)
	r, err := s.request(ctx, id)
	if err != nil {
		return nil, nil, nil, err
	}
	c, ok := r.Wants.(intent.Change)
	if !ok {
		return nil, nil, nil, noChange(r.Wants)
	}
	return c, r.Impact, s.state.Governance.Before(vault.Newest), nil
}

// forecast is what a change does, as long as the vault is as it was.
type forecast struct {
	wants   intent.Change
	changes int
	impact  statement.Impact
	found   []rehearsal.Finding // that are new, the gravest first
}

// foresee computes what a change that is asked for does, over all that the log has, while
// others go on. It is nil when there is nothing to compute: for what changes nothing, and for
// a request that there is. It fails as [Service.Request] does.
func (s *Service) foresee(ctx context.Context, in wire.SignerRequestInput, draft intent.Intent) (*forecast, error) {
	if _, changes := draft.(intent.Change); !changes {
		return nil, nil
	}
	f, g, size, err := s.look(ctx, in, draft)
	if f == nil || err != nil {
		return nil, err
	}
	return f, s.compute(ctx, f, g, size)
}

// look takes what a forecast is computed from: the vault, and how far its log is.
func (s *Service) look(ctx context.Context, in wire.SignerRequestInput, draft intent.Intent) (_ *forecast, _ *vault.Governance, size int64, err error) {
	if err := s.begin(); err != nil {
		return nil, nil, 0, err
	}
	defer s.end(ctx, &err)
	if r, err := s.find(ctx, in.Request); r != nil || err != nil {
		return nil, nil, 0, err
	}
	r, err := s.fresh(in, draft)
	if err != nil {
		return nil, nil, 0, err
	}
	g := s.state.Governance
	return &forecast{wants: r.Wants.(intent.Change), changes: len(g.Changes)}, g.Before(vault.Newest), s.log.Tip().Size, nil
}

// refresh computes again what an open change does, when the vault changed since: who approves
// it reads what is true now. It fails as [Service.request] does.
func (s *Service) refresh(ctx context.Context, id string) error {
	f, g, size, err := s.outdated(ctx, id)
	if f == nil || err != nil {
		return err
	}
	if err := s.compute(ctx, f, g, size); err != nil {
		return err
	}
	return s.renew(ctx, id, f)
}

// outdated takes what the impact of a request is computed from; nil when that is as it was.
func (s *Service) outdated(ctx context.Context, id string) (f *forecast, _ *vault.Governance, size int64, err error) {
	if err := s.begin(); err != nil {
		return nil, nil, 0, err
	}
	defer s.end(ctx, &err)
	r, err := s.request(ctx, id)
	if err != nil || r.Outcome != "" || !s.state.Outdated(r) {
		return nil, nil, 0, err
	}
	g := s.state.Governance
	return &forecast{wants: r.Wants.(intent.Change), changes: len(g.Changes)}, g.Before(vault.Newest), s.log.Tip().Size, nil
}

// renew logs what an open change does now, unless the vault, or the request, changed meanwhile.
func (s *Service) renew(ctx context.Context, id string, f *forecast) (err error) {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end(ctx, &err)
	r, err := s.request(ctx, id)
	if err != nil || r.Outcome != "" || !s.state.Outdated(r) || len(s.state.Changes) != f.changes {
		return err
	}
	d := s.state.Decide(r, s.at)
	return s.append(ctx, signedlog.Governed, signedlog.GovernedBody{Request: id, Expires: d.Expires.Unix(), GovernedBy: r.Pin(d), Impact: &f.impact})
}

// compute computes what a forecast says, one at a time.
func (s *Service) compute(ctx context.Context, f *forecast, before *vault.Governance, size int64) error {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	r, err := s.rehearse(ctx, before, f.wants, size)
	if err != nil {
		return fmt.Errorf("compute what the change does: %w", err)
	}
	f.impact, f.found = statement.Summarize(r.Digest(), size, r.Summary()), r.New
	return nil
}

// of is what a forecast says of a request that is made now. It fails with CONFLICT when the
// vault changed meanwhile. s.mu is held.
func (f *forecast) of(r *vault.Request, g *vault.Governance) (*statement.Impact, error) {
	if _, changes := r.Wants.(intent.Change); !changes {
		return nil, nil
	}
	if f == nil || len(g.Changes) != f.changes || !intent.Same(r.Wants, f.wants) {
		return nil, fault.New(fault.Conflict, "the vault changed while it was computed what this does: ask again")
	}
	return &f.impact, nil
}

// findings are what a forecast has to say about rules, none for what changes nothing.
func (f *forecast) findings() (all []wire.RuleFinding) {
	if f == nil {
		return nil
	}
	for _, found := range f.found {
		if found.Rule != "" && len(all) < wire.MaxFindings {
			all = append(all, wire.RuleFinding{Code: string(found.Code), Severity: string(found.Severity), Account: found.Account, Rule: found.Rule, Step: found.Step, Text: found.Text})
		}
	}
	return all
}

// rehearse is the report of a change of a vault, over the first size entries of its log.
func (s *Service) rehearse(ctx context.Context, before *vault.Governance, c intent.Change, size int64) (rehearsal.Report, error) {
	after, err := before.After(c)
	if err != nil {
		return rehearsal.Report{}, err
	}
	mark := signedlog.Mark{Size: size}
	r, err := report(before, after, &mark, retell(ctx, s.deps.Storage, before, &mark))
	if err != nil {
		return r, err
	}
	return r, s.ends(ctx, mark)
}

// report is what it does to a vault that something else governs it, over a history and the
// mark of its log, which is looked at when the history ends.
func report(before, after *vault.Governance, mark *signedlog.Mark, history iter.Seq2[rehearsal.Past, error]) (rehearsal.Report, error) {
	from, to := rehearsed(before), rehearsed(after)
	for _, v := range []rehearsal.Vault{from, to} {
		if err := v.Check(); err != nil {
			return rehearsal.Report{}, err
		}
	}
	return rehearsal.Compare(from, to, mark, history, nil)
}

// lines are the lines of a log on disk.
type lines interface {
	Lines(seq int64, n int) ([]string, error)
}

// retell is what the first entries of a log say of requests, and what governs them at the end of
// that. The signer verified the entries when it took them; that none was changed since, their hashes
// show up to the newest one, which mark says at the end.
func retell(ctx context.Context, from lines, v *vault.Governance, mark *signedlog.Mark) iter.Seq2[rehearsal.Past, error] {
	return func(yield func(rehearsal.Past, error) bool) {
		h := newRecount(yield)
		for seq := int64(0); seq < mark.Size; {
			page, err := from.Lines(seq, int(min(heard, mark.Size-seq)))
			if err == nil {
				err = ctx.Err()
			}
			for _, l := range listen(page) {
				switch {
				case err != nil:
				case l.err != nil:
					err = l.err
				case l.seq != seq || seq > 0 && l.prev != mark.Head:
					err = rewritten(seq)
				default:
					err = h.take(v, l.told)
				}
				mark.Head, seq = l.hash, seq+1
			}
			if err != nil {
				h.fail(err)
				return
			}
		}
		h.end(v)
	}
}

// rewritten is LOG_CORRUPT: an entry was changed on disk.
func rewritten(seq int64) error {
	return fault.New(fault.LogCorrupt, fmt.Sprintf("the log is corrupt: entry %d is not the one that was written", seq)).With("entry", fmt.Sprint(seq))
}

// ends holds how an excerpt of the log ends against what is known of it.
func (s *Service) ends(ctx context.Context, mark signedlog.Mark) (err error) {
	s.mu.Lock()
	defer s.end(ctx, &err)
	known := s.log.Tip()
	if known.Size > mark.Size {
		next, err := s.entry(ctx, mark.Size)
		if err != nil {
			return err
		}
		known = signedlog.Mark{Size: mark.Size, Head: next.Prev}
	}
	if known != mark {
		return rewritten(mark.Size - 1)
	}
	return nil
}

// line is what one line of the log tells.
type line struct {
	told
	prev, hash string
	err        error
}

// listen reads lines, on all cores.
func listen(lines []string) []line {
	all := make([]line, len(lines))
	var wg sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for core := range n {
		wg.Go(func() {
			for i := core; i < len(lines); i += n {
				all[i] = hear(lines[i])
			}
		})
	}
	wg.Wait()
	return all
}

func hear(text string) (l line) {
	e, err := signedlog.Reread(text)
	if err != nil {
		return line{err: err}
	}
	l.told, l.err = tell(e)
	l.prev, l.hash = e.Prev, signedlog.Hash([]byte(text))
	return l
}

func seconds(t int64) time.Time { return time.Unix(t, 0).UTC() }
