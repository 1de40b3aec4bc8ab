package signer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/rehearsal"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// Recompute computes again what a request does to the vault, from the log in dir, which is
// verified as [History] does. It returns the report beside what the request says of it. It
// fails with NOT_FOUND, and with CONFLICT for a request that changes nothing in the vault.
func Recompute(ctx context.Context, dir, signerFile, request string, stdio Stdio) (r rehearsal.Report, said statement.Impact, err error) {
	c, said, err := claimed(ctx, dir, request)
	if err != nil {
		return r, said, err
	}
	key, err := statementKeyOf(ctx, dir, signerFile)
	if err != nil {
		return r, said, err
	}
	var history []rehearsal.Past
	h := newRecount(func(p rehearsal.Past, e error) bool {
		history, err = append(history, p), errors.Join(err, e)
		return true
	})
	mark := signedlog.Mark{Size: said.Log}
	state, all, err := walk(ctx, dir, key, "replayed", stdio, func(s *vault.State, e signedlog.Entry, apply func() error) error {
		if e.Seq == said.Log {
			mark.Head = e.Prev
		}
		if e.Seq >= said.Log {
			return apply()
		}
		t, err := tell(e)
		return errors.Join(err, apply(), h.take(s.Governance, t))
	})
	if err != nil {
		return r, said, err
	}
	if mark.Size == all.Size {
		mark.Head = all.Head
	}
	before := state.Before(said.Log)
	if h.end(before); err != nil {
		return r, said, err
	}
	after, err := before.After(c)
	if err != nil {
		return r, said, err
	}
	r, err = report(before, after, &mark, rehearsal.History(history...))
	return r, said, err
}

// claimed finds the change that a request is for, and what it says that it does. Nothing is
// verified yet.
func claimed(ctx context.Context, dir, request string) (intent.Change, statement.Impact, error) {
	files, err := readOnce(ctx, dir)
	if err != nil {
		return nil, statement.Impact{}, fmt.Errorf("open the log: %w", err)
	}
	var found intent.Change
	var said statement.Impact
	for _, g := range files.segments {
		lines, err := linesOf(files, g.First)
		if err != nil {
			return nil, statement.Impact{}, err
		}
		for _, l := range listen(lines) {
			if l.err != nil || l.request != request {
				continue // what cannot be read is found when the log is verified
			}
			if m := l.governed.Impact; m != nil {
				said = *m
			}
			if l.created.Request == "" {
				continue
			}
			i, err := intent.Draft(l.created.Intent)
			if err != nil {
				return nil, statement.Impact{}, err
			}
			c, ok := i.(intent.Change)
			if !ok || l.created.Impact == nil {
				return nil, statement.Impact{}, noChange(i)
			}
			found, said = c, *l.created.Impact
		}
	}
	if found != nil {
		return found, said, nil
	}
	return nil, said, fault.New(fault.NotFound, "the log has no such request").With("field", "request")
}

// noChange is CONFLICT: an intent has no impact.
func noChange(i intent.Intent) error {
	return fault.New(fault.Conflict, "the request is a "+i.Noun()+", which changes nothing in the vault")
}

// linesOf are the lines of a segment.
func linesOf(files *once, first int64) (lines []string, err error) {
	f, err := files.Open(first)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return nil, err
		case len(line) > signedlog.MaxLine:
			return lines, nil // which the verification refuses
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}
