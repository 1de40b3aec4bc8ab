package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/secret"
)

// againTime is how long a vault of several that ended waits before it is opened again.
const againTime = 10 * time.Second

// RunAll serves several vaults, each with a configuration, a token, a log and a socket of
// its own, until ctx ends. One that fails costs no other: the log names it by its state
// directory, and it is opened again after a while, unless trying again could do harm or
// change nothing. RunAll fails when none is left. With one vault it is [Run].
func RunAll(ctx context.Context, all []Config, stdio Stdio) error {
	return several{open: openHSM, again: againTime}.run(ctx, all, stdio)
}

type several struct {
	open  OpenVault
	again time.Duration
}

func (v several) run(ctx context.Context, all []Config, stdio Stdio) error {
	if len(all) == 1 {
		return RunWith(ctx, all[0], stdio, v.open)
	}
	if err := apart(all); err != nil {
		return err
	}
	out, errs := &oneAtATime{w: stdio.Out}, &oneAtATime{w: stdio.Err}
	ended := make([]error, len(all))
	var wg sync.WaitGroup
	for i, cfg := range all {
		wg.Go(func() { ended[i] = v.one(ctx, cfg, Stdio{out, errs, cfg.StateDir}) })
	}
	wg.Wait()
	return errors.Join(ended...)
}

// one serves a vault, and opens it again when it failed.
func (v several) one(ctx context.Context, cfg Config, stdio Stdio) error {
	log := slog.New(secret.NewLog(stdio.Err)).With("vault", stdio.vault)
	for {
		err := RunWith(ctx, cfg, stdio, v.open)
		if err == nil || ctx.Err() != nil || final(err) {
			if err != nil {
				log.Error("the vault is not served", "cause", err)
				err = fmt.Errorf("vault %s: %w", stdio.vault, err)
			}
			return err
		}
		log.Error("the vault is not served; it is opened again in a moment", "cause", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(v.again):
		}
	}
}

// final reports whether opening a vault again would use up tries of its PIN, or find the
// same.
func final(err error) bool {
	switch fault.CodeOf(err) {
	case fault.PINIncorrect, fault.PINLocked, fault.LogCorrupt, fault.Version, fault.Invalid, fault.EntityUnknown:
		return true
	}
	return false
}

// apart refuses vaults that share what is one vault's.
func apart(all []Config) error {
	if len(all) == 0 {
		return fault.New(fault.Invalid, "no vault is configured")
	}
	for _, of := range []struct {
		field string
		value func(Config) string
	}{
		{"socket", func(c Config) string { return c.Socket }},
		{"state_dir", func(c Config) string { return c.StateDir }},
		{"token", func(c Config) string { return c.Module + " " + c.Token }},
	} {
		seen := map[string]bool{}
		for _, c := range all {
			if seen[of.value(c)] {
				return fault.New(fault.Invalid, fmt.Sprintf("two vaults have the same %s: %s", of.field, of.value(c))).With("field", of.field)
			}
			seen[of.value(c)] = true
		}
	}
	return nil
}

// oneAtATime is what several vaults write to.
type oneAtATime struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneAtATime) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}
