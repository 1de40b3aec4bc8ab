package signer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
)

// resumeWait is how long [Resume] waits for a signer that runs to take the word.
const resumeWait = 10 * time.Second

// Resume is the operator's word that the clock of this computer is right now. A
// signer that stopped because of its clock takes it within a second; one that does
// not run takes it at its next start. The word counts once, until the computer is
// started again, and only while the clock stays where it was. It fails with NOT_FOUND
// when there is no log, and TIMEOUT when a signer runs and does not take it.
func Resume(ctx context.Context, cfg Config, stdio Stdio) error {
	k := timekeeper{now: time.Now, uptime: sinceStart, dir: cfg.StateDir}
	running, err := logfile.Held(cfg.StateDir)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "there is no log of a signer in "+cfg.StateDir)
	}
	now, at := k.read()
	if err := at.save(k.path(resumeFile)); err != nil {
		return fmt.Errorf("confirm the clock: %w", err)
	}
	if _, err := fmt.Fprintf(stdio.Out, "You confirm that it is %s now.\n", stamp(now)); err != nil {
		return err
	}
	if !running {
		_, err := fmt.Fprintln(stdio.Out, "The signer is not running: the confirmation counts at its next start.")
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, resumeWait)
	defer cancel()
	tick := time.NewTicker(sweepTime / 10)
	defer tick.Stop()
	for {
		if _, err := os.Stat(k.path(resumeFile)); errors.Is(err, os.ErrNotExist) {
			_, err := fmt.Fprintln(stdio.Out, "The signer accepted the confirmation and runs. If it had stopped, its log says that it runs again.")
			return err
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Timeout, "the signer did not take the confirmation: its log says why")
		case <-tick.C:
		}
	}
}
