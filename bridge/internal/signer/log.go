package signer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"countersign/bridge/internal/signer/execute"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
)

// DefaultSegment is how many entries a segment of the log has, besides its checkpoint, and
// so how many a start verifies at most.
const DefaultSegment = 4096

// openLog opens the log at its newest checkpoint. One that does not fit, or behind which
// the log does not hold, counts for nothing: then the whole log decides, unless a part of
// it is missing.
func (s *Service) openLog(ctx context.Context) error {
	from, err := s.restore()
	if err == nil {
		err = s.readLog(ctx, from)
		if err == nil || fault.CodeOf(err) != fault.LogCorrupt {
			return err
		}
	}
	f, ok := fault.As(err)
	if ok && f.Details["part"] == "segment" {
		return err
	}
	if ok { // else there is no checkpoint yet
		s.deps.Log.Warn("the log is verified from its genesis, which takes longer: its checkpoint cannot be used", "cause", err)
	}
	root, err := s.root()
	if err != nil {
		return err
	}
	if s.book, err = newBook(root, s.deps.Storage.Index); err != nil {
		return fmt.Errorf("begin the index of the log: %w", err)
	}
	s.at = time.Time{}
	return s.readLog(ctx, "")
}

// root is the key with which the log begins: the statement key of this token, unless the vault's
// keys were rotated. The log itself says so, and leads from it to this token's key: that one
// signed which key it follows.
func (s *Service) root() (jws.PublicKey, error) {
	own := s.key.PublicKey()
	firsts, err := s.deps.Storage.Segments()
	if err != nil || len(firsts) == 0 {
		return own, err
	}
	f, err := s.deps.Storage.Open(firsts[0])
	if err != nil {
		return own, err
	}
	line, err := bufio.NewReader(io.LimitReader(f, signedlog.MaxLine+1)).ReadString('\n')
	if err = errors.Join(err, f.Close()); errors.Is(err, io.EOF) {
		return own, nil // of what is cut off the verification says more
	}
	if err != nil {
		return own, err
	}
	if _, key, err := vault.Begins(strings.TrimSuffix(line, "\n")); err == nil {
		return key, nil
	}
	return own, nil
}

// restore brings back the state of the newest checkpoint, and returns the line of its
// entry. It fails with fs.ErrNotExist when there is none, and with LOG_CORRUPT: details
// part=checkpoint or index when they do not fit, part=segment when a segment is missing.
func (s *Service) restore() (line string, err error) {
	bad := func(cause error, why string) (string, error) {
		return "", fault.Wrap(cause, fault.LogCorrupt, "the checkpoint of the log does not fit: "+why).With("part", "checkpoint")
	}
	line, data, err := s.deps.Storage.Checkpoint()
	if errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err != nil {
		return bad(err, "it cannot be read")
	}
	e, err := signedlog.Read(line, s.key.PublicKey())
	if err != nil {
		return bad(err, "its entry was changed, or is of another log")
	}
	body, err := e.Checkpoint()
	if err != nil {
		return bad(err, "its entry is another one")
	}
	if vault.Digest(data) != body.State {
		return bad(nil, "its state is not the one that the entry says")
	}
	index := s.deps.Storage.Index
	state, err := vault.Restore(data, s.key.PublicKey(), index)
	if err != nil {
		return bad(err, "its state cannot be read")
	}
	if err := state.Apply(e, signedlog.Hash([]byte(line))); err != nil {
		return bad(err, "its state was not restored")
	}
	if err := index.Load(e.Seq+1, body.Index); err != nil {
		return "", err
	}
	state.Ahead = &jws.Ahead{}
	s.book, s.at = book{state: state, index: index, from: e.Seq + 1}, time.Unix(e.At, 0).UTC()
	return line, s.deps.Storage.Check()
}

// readLog verifies the log behind the line of a checkpoint, or all of it, and keeps the
// newest checkpoint that it meets.
func (s *Service) readLog(ctx context.Context, from string) (err error) {
	s.log, err = signedlog.Open(ctx, signedlog.Config{
		Storage: s.deps.Storage, Watermark: watermark{s.deps.Vault}, Signer: s.key, Root: s.state.Key(),
		Now: func() time.Time { return s.at }, Inner: s.state.Look, From: from,
	}, func(e signedlog.Entry, line, hash string) error {
		s.at = time.Unix(e.At, 0).UTC()
		return s.apply(e, line, hash)
	})
	if err != nil {
		return err
	}
	return s.keep(s.deps.Storage)
}

// append logs an entry and applies it; it counts when [Service.end] has returned. It ends
// the segment first when that is full. s.mu is held.
func (s *Service) append(ctx context.Context, typ string, body any) error {
	if s.state.Mark().Size-s.from >= int64(cmp.Or(s.deps.Segment, DefaultSegment)) {
		if err := s.checkpoint(ctx); err != nil {
			return err
		}
	}
	return s.write(ctx, typ, body)
}

func (s *Service) write(ctx context.Context, typ string, body any) error {
	// What a caller stops waiting for must not leave half an entry.
	e, line, err := s.log.Append(context.WithoutCancel(ctx), typ, body)
	if err != nil {
		return err
	}
	if err := s.apply(e, line, s.log.Tip().Head); err != nil {
		s.broken = fault.Wrap(err, fault.Unavailable, "the signer stopped: its log and its rules disagree")
		s.deps.Log.Error("the log took an entry that the state refuses", "entry", e.Seq, "cause", err)
		return s.broken
	}
	return nil
}

// Checkpoint ends the segment before it is full: bridge/signertest has it do so.
func (s *Service) Checkpoint(ctx context.Context) (err error) {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end(ctx, &err)
	return s.checkpoint(ctx)
}

// checkpoint ends the segment with an entry over the digests of the state and the index,
// and keeps the state beside the log once the entry counts. s.mu is held.
func (s *Service) checkpoint(ctx context.Context) error {
	body, err := s.next(s.log.Tree())
	if err != nil {
		return err
	}
	if err := s.write(ctx, signedlog.Checkpoint, body); err != nil {
		return err
	}
	if err := s.log.Commit(ctx, s.from); err != nil {
		return err
	}
	if err := s.keep(s.deps.Storage); err != nil {
		s.deps.Log.Error("a checkpoint could not be kept: the next start verifies more of the log", "cause", err)
	}
	return nil
}

// entry reads and verifies an entry of the log. s.mu is held.
func (s *Service) entry(ctx context.Context, seq int64) (vault.Line, error) {
	if err := s.log.Commit(ctx, seq+1); err != nil {
		return vault.Line{}, err
	}
	lines, err := s.deps.Storage.Lines(seq, 1)
	if err != nil {
		return vault.Line{}, err
	}
	key, err := s.state.EntryKey(seq)
	if err != nil {
		return vault.Line{}, err
	}
	e, err := signedlog.Read(lines[0], key)
	if err == nil && e.Seq != seq {
		err = fault.New(fault.LogCorrupt, fmt.Sprintf("the log is corrupt: entry %d is in the place of entry %d", e.Seq, seq)).With("entry", fmt.Sprint(seq))
	}
	return vault.Line{Entry: e, Hash: signedlog.Hash([]byte(lines[0]))}, err
}

// end ends an operation, and unlocks: what it appended, or saw of others, counts when it
// returns, or *err says why not. Then what was approved is carried out.
func (s *Service) end(ctx context.Context, err *error) {
	size, due := s.log.Tip().Size, s.due
	s.due = nil
	s.mu.Unlock()
	if cerr := s.log.Commit(ctx, size); cerr != nil {
		s.mu.Lock()
		s.due = append(due, s.due...) // for when it counts
		s.mu.Unlock()
		*err = cmp.Or(*err, cerr)
		return
	}
	for _, r := range due {
		if err := execute.Do(ctx, r.Wants); err != nil {
			s.deps.Log.Warn("an approved request is not carried out", "request", r.Request, "cause", err)
		}
	}
}
