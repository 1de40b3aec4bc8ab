package signer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
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

// Init makes the vault's keys, writes the genesis as the first entry of the log,
// and the members' certificates DIR/mem_….jws and signer.json into dir. It
// refuses with CONFLICT when the token or the state directory already holds a
// vault; an init that broke off is completed.
func Init(ctx context.Context, cfg Config, draft, dir string, stdio Stdio) error {
	return InitWith(ctx, cfg, draft, dir, stdio, openHSM)
}

// InitWith is [Init] with a vault of the caller's.
func InitWith(ctx context.Context, cfg Config, draft, dir string, stdio Stdio, open OpenVault) (err error) {
	d, err := readDraft(draft)
	if err != nil {
		return err
	}
	if err := warn(stdio.Err, d); err != nil {
		return err
	}
	deps, done, err := prepare(ctx, cfg, stdio, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	e, err := Create(ctx, deps, d, func(e Enrolment) error { return e.saveCertificates(dir) })
	if fault.CodeOf(err) == fault.Conflict {
		e.File, err = resume(ctx, deps, d, dir, err)
	}
	if err != nil {
		return err
	}
	if err := saveSigner(e.File, dir); err != nil {
		return fmt.Errorf("write %s: %w", fileName, err)
	}
	_, err = fmt.Fprintf(stdio.Out, "%s is enrolled: %s, %s; pin %s\n", e.File.Entity,
		fold.Count(len(d.Members), "member", "members"), fold.Count(len(d.Accounts), "account", "accounts"), filepath.Join(dir, fileName))
	return err
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
