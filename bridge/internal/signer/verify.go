package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"countersign/bridge/internal/fold"
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
func VerifyLog(ctx context.Context, cfg Config, signerFile string, stdio Stdio) (err error) {
	data, err := readSmall(signerFile, vault.MaxSignerFile)
	if err != nil {
		return fmt.Errorf("read the signer's public file: %w", err)
	}
	pinned, err := vault.ReadSigner(data)
	if err != nil {
		return fmt.Errorf("read the signer's public file %s: %w", signerFile, err)
	}
	key := pinned.Statement
	f, err := os.Open(filepath.Join(cfg.StateDir, logName))
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	// What a running signer appends from now on is not looked at, nor half a line of it.
	counted := &counter{ctx: ctx, r: io.LimitReader(f, info.Size())}
	state := vault.New(key, nil)
	state.Ahead = &jws.Ahead{}
	chain := signedlog.Chain{Key: key, Inner: state.Look}
	told, began := time.Now(), time.Now()
	mark, err := chain.Verify(counted, func(e signedlog.Entry, _, hash string) error {
		if now := time.Now(); now.Sub(told) >= progressTime && counted.n > 0 {
			told = now
			left := time.Duration(float64(now.Sub(began)) * (float64(info.Size())/float64(counted.n) - 1))
			fmt.Fprintf(stdio.Err, "%s verified, %d %%, about %s left\n", fold.Count(int(e.Seq), "entry", "entries"), counted.n*100/info.Size(), left.Round(time.Second))
		}
		return state.Apply(e, hash)
	})
	if err != nil {
		return err
	}
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

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
