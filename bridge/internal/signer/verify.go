package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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

// VerifyLog verifies the log of a configuration from its genesis, every signature in it
// and every decision of its rules, on all cores and without the vault's token: with the
// statement key of signerFile (signer.json). It says to err how far it is, and to out
// what it found. A signer may run meanwhile. It fails with LOG_CORRUPT, naming the
// entry. What was cut off at the end is not seen: the watermark is in the token, and
// the signer compares it at each start.
func VerifyLog(ctx context.Context, cfg Config, signerFile string, stdio Stdio) error {
	data, err := readSmall(signerFile, vault.MaxSignerFile)
	if err != nil {
		return fmt.Errorf("read the signer's public file: %w", err)
	}
	pinned, err := vault.ReadSigner(data)
	if err != nil {
		return fmt.Errorf("read the signer's public file %s: %w", signerFile, err)
	}
	// What a running signer appends from now on is not looked at.
	segments, err := logfile.Segments(cfg.StateDir)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	total := int64(0)
	for _, g := range segments {
		total += g.Size
	}
	state := vault.New(pinned.Statement, nil)
	state.Ahead = &jws.Ahead{}
	chain := signedlog.Chain{Key: pinned.Statement, Inner: state.Look}
	counted := &counter{ctx: ctx}
	told, began := time.Now(), time.Now()
	for _, g := range segments {
		if err := chain.Begins(g.First); err != nil {
			return err
		}
		err := counted.verify(&chain, g, func(e signedlog.Entry, _, hash string) error {
			if now := time.Now(); now.Sub(told) >= progressTime && counted.n > 0 {
				told = now
				left := time.Duration(float64(now.Sub(began)) * (float64(total)/float64(counted.n) - 1))
				fmt.Fprintf(stdio.Err, "%s verified, %d %%, about %s left\n", fold.Count(int(e.Seq), "entry", "entries"), counted.n*100/total, left.Round(time.Second))
			}
			return state.Apply(e, hash)
		})
		if err != nil {
			return err
		}
	}
	mark := chain.Mark
	if mark.Size == 0 {
		return fault.New(fault.EntityUnknown, "the log is empty: run `countersign-bridge signer init` first")
	}
	_, err = fmt.Fprintf(stdio.Out, "%s: %s verified from the genesis in %s, %s\nhead %s\n", state.Genesis.Entity, fold.Count(int(mark.Size), "entry", "entries"),
		time.Since(began).Round(time.Millisecond), fold.Count(len(state.Open()), "request is open", "requests are open"), mark.Head)
	return err
}

// counter counts what is read, and ends when its context does.
type counter struct {
	ctx context.Context
	r   io.Reader
	n   int64
}

// verify verifies a segment.
func (c *counter) verify(chain *signedlog.Chain, g logfile.Segment, visit signedlog.Visit) error {
	f, err := os.Open(g.Path)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	c.r = io.LimitReader(f, g.Size)
	_, err = chain.Verify(c, visit)
	return errors.Join(err, f.Close())
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
