package signer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
)

// progressTime is how often a long verification says how far it is.
const progressTime = 2 * time.Second

// VerifyLog verifies the log of a configuration from its genesis, every signature in it,
// every decision of its rules and every checkpoint, on all cores and without the vault's token: with the
// statement key of signerFile (signer.json). It says to err how far it is, and to out
// what it found. A signer may run meanwhile. It fails with LOG_CORRUPT, naming the
// entry. What was cut off at the end is not seen: the watermark is in the token, and
// the signer compares it at each start.
func VerifyLog(ctx context.Context, cfg Config, signerFile string, stdio Stdio) error {
	pinned, err := readSigner(signerFile)
	if err != nil {
		return err
	}
	began := time.Now()
	state, mark, err := walk(ctx, cfg.StateDir, pinned.Root, "verified", stdio, func(_ *vault.State, _ signedlog.Entry, apply func() error) error { return apply() })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdio.Out, "%s: %s verified from the genesis in %s, %s\nhead %s\n", state.Genesis.Entity, fold.Count(int(mark.Size), "entry", "entries"),
		time.Since(began).Round(time.Millisecond), fold.Count(len(state.Open()), "request is open", "requests are open"), mark.Head)
	return err
}

// readSigner reads a signer's public file.
func readSigner(path string) (vault.Signer, error) {
	data, err := readSmall(path, vault.MaxSignerFile)
	if err != nil {
		return vault.Signer{}, fmt.Errorf("read the signer's public file: %w", err)
	}
	pinned, err := vault.ReadSigner(data)
	if err != nil {
		return vault.Signer{}, fmt.Errorf("read the signer's public file %s: %w", path, err)
	}
	return pinned, nil
}

// walk verifies all entries of a log, which key signed, and calls visit with each, which
// applies it to the state. It says to stdio.Err how far it is: how many entries are done.
func walk(ctx context.Context, dir string, key jws.PublicKey, done string, stdio Stdio, visit func(s *vault.State, e signedlog.Entry, apply func() error) error) (state *vault.State, mark signedlog.Mark, err error) {
	scratch, err := os.MkdirTemp("", "countersign-index-")
	if err != nil {
		return nil, mark, fmt.Errorf("make a folder for an index: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	index, err := logfile.OpenIndex(scratch)
	if err != nil {
		return nil, mark, err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	b, err := newBook(key, index)
	if err != nil {
		return nil, mark, err
	}
	files, err := readOnce(ctx, dir)
	if err != nil {
		return nil, mark, fmt.Errorf("open the log: %w", err)
	}
	chain := signedlog.Chain{Key: key, Inner: b.state.Look}
	told, began := time.Now(), time.Now()
	mark, err = chain.Walk(files, func(e signedlog.Entry, line, hash string) error {
		if now, read := time.Now(), files.read.Load(); now.Sub(told) >= progressTime && read > 0 {
			told = now
			left := time.Duration(float64(now.Sub(began)) * (float64(files.size)/float64(read) - 1))
			fmt.Fprintf(stdio.Err, "%s %s, %d %%, about %s left\n", fold.Count(int(e.Seq), "entry", "entries"), done, read*100/files.size, left.Round(time.Second))
		}
		if err := visit(b.state, e, func() error { return b.apply(e, line, hash) }); err != nil || b.passed == nil {
			return err
		}
		b.passed = nil
		return index.Clean()
	})
	if err == nil && mark.Size == 0 {
		err = errEmpty
	}
	return b.state, mark, err
}

// errEmpty is of a log without a genesis.
var errEmpty = fault.New(fault.EntityUnknown, "the log is empty: run `countersign-bridge signer init` first")

// once are the segments of a log as they are now, of which each is read once. What a
// running signer appends from then on is not looked at, nor half a line of it.
type once struct {
	ctx      context.Context
	segments []logfile.Segment
	size     int64 // bytes
	read     atomic.Int64
}

func readOnce(ctx context.Context, dir string) (*once, error) {
	segments, err := logfile.Segments(dir)
	if err != nil {
		return nil, err
	}
	if n := len(segments); n > 0 {
		if err := segments[n-1].Trim(); err != nil {
			return nil, err
		}
	}
	o := &once{ctx: ctx, segments: segments}
	for _, g := range segments {
		o.size += g.Size
	}
	return o, nil
}

// Segments implements [signedlog.Segments].
func (o *once) Segments() (firsts []int64, err error) {
	for _, g := range o.segments {
		firsts = append(firsts, g.First)
	}
	return firsts, nil
}

// Open implements [signedlog.Segments].
func (o *once) Open(first int64) (io.ReadCloser, error) {
	i := slices.IndexFunc(o.segments, func(g logfile.Segment) bool { return g.First == first })
	f, err := os.Open(o.segments[i].Path)
	if err != nil {
		return nil, err
	}
	return &counter{o, io.LimitReader(f, o.segments[i].Size), f}, nil
}

// counter counts what is read, and ends when its context does.
type counter struct {
	of *once
	r  io.Reader
	io.Closer
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.of.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.of.read.Add(int64(n))
	return n, err
}

// genesisLine is the first line of a log.
func genesisLine(ctx context.Context, dir string) (string, error) {
	files, err := readOnce(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("open the log: %w", err)
	}
	if len(files.segments) == 0 {
		return "", errEmpty
	}
	f, err := files.Open(files.segments[0].First)
	if err != nil {
		return "", err
	}
	line, err := bufio.NewReader(io.LimitReader(f, signedlog.MaxLine+1)).ReadString('\n')
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fault.Wrap(err, fault.LogCorrupt, "the log is corrupt: entry 0 is cut off").With("entry", "0")
	}
	return strings.TrimSuffix(line, "\n"), nil
}
