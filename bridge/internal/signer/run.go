package signer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/shared/secret"
)

// Deadlines of the signer link.
const (
	readTime  = 10 * time.Second
	writeTime = 30 * time.Second
	idleConn  = 2 * time.Minute
	stopTime  = 5 * time.Second
	sweepTime = time.Second
)

// OpenVault logs in to the device that a configuration names.
type OpenVault func(ctx context.Context, cfg Config, log *slog.Logger) (Vault, func() error, error)

// Run serves the signer until ctx ends. It verifies the log first and refuses to
// run on one that was changed.
func Run(ctx context.Context, cfg Config, stdio Stdio) error {
	return RunWith(ctx, cfg, stdio, openHSM)
}

// RunWith is [Run] with a vault of the caller's.
func RunWith(ctx context.Context, cfg Config, stdio Stdio, open OpenVault) (err error) {
	at, err := socketOf(cfg)
	if err != nil {
		return err
	}
	deps, done, err := prepare(ctx, cfg, stdio, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	s, err := Open(ctx, deps)
	if err != nil {
		return err
	}
	near, err := neighboursOf(cfg, at, maker(deps.Vault), deps.Log)
	if err != nil {
		return err
	}
	l, err := at.listen(ctx)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler: s.guard(s.Handler()), ConnContext: near.judge, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleConn, MaxHeaderBytes: maxHead - headSlop,
		ErrorLog: slog.NewLogLogger(deps.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	if _, err := fmt.Fprintf(stdio.Out, "listening on unix:%s\n", cfg.Socket); err != nil {
		return errors.Join(err, srv.Close(), os.Remove(cfg.Socket))
	}
	tick := time.NewTicker(sweepTime)
	defer tick.Stop()
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("serve the signer link: %w", err)
		case <-tick.C:
			if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				deps.Log.Error("expired requests could not be closed", "cause", err)
			}
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
			defer cancel()
			return errors.Join(srv.Shutdown(stop), os.Remove(cfg.Socket))
		}
	}
}

// prepare opens the log, which locks out a second signer, and then the vault.
func prepare(ctx context.Context, cfg Config, stdio Stdio, open OpenVault) (Deps, func() error, error) {
	away, err := cfg.away()
	if err != nil {
		return Deps{}, nil, err
	}
	if err := cfg.Limits.check(); err != nil {
		return Deps{}, nil, err
	}
	f, err := logfile.Open(cfg.StateDir)
	if err != nil {
		return Deps{}, nil, err
	}
	log := slog.New(secret.NewLog(stdio.Err))
	if stdio.vault != "" {
		log = log.With("vault", stdio.vault)
	}
	v, closeVault, err := open(ctx, cfg, log)
	if err != nil {
		return Deps{}, nil, errors.Join(err, f.Close())
	}
	return Deps{
		Vault: v, Storage: f, Rand: rand.Reader, Now: time.Now, Uptime: sinceStart, Clock: cfg.StateDir, Away: away, Limits: cfg.Limits, Log: log,
	}, func() error { return errors.Join(f.Close(), closeVault()) }, nil
}
