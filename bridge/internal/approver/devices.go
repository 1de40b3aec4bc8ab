package approver

import (
	"context"
	"fmt"
	"log/slog"

	"countersign/bridge/internal/hsm"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// tokens are the Devices behind PKCS#11 modules.
type tokens struct {
	*hsm.Tokens
}

// OpenDevices opens the PKCS#11 modules and returns their tokens, and how to
// close them.
func OpenDevices(_ context.Context, modules []string, log *slog.Logger) (Devices, func() error, error) {
	t, err := hsm.Open(hsm.Config{Modules: modules})
	if err != nil {
		return nil, nil, fmt.Errorf("open the PKCS#11 modules: %w", err)
	}
	log.Info("tokens", "found", len(t.All()))
	return tokens{t}, t.Close, nil
}

// Key finds a key.
func (t tokens) Key(ctx context.Context, uri string) (keys.Key, error) { return t.Tokens.Key(ctx, uri) }

func (t tokens) token(label string) (*hsm.Token, error) {
	return t.Token(hsm.URI{Token: label}.String())
}

// Device reads how a token is.
func (t tokens) Device(_ context.Context, label string) (Device, error) {
	s := t.State(label)
	return Device{Label: s.Label, Present: s.Present, Locked: s.Locked, PINLocked: s.PINLocked, FinalTry: s.FinalTry, TriesLeft: s.TriesLeft}, nil
}

// Login unlocks a token.
func (t tokens) Login(ctx context.Context, label string, pin []byte, final bool) error {
	k, err := t.token(label)
	if err != nil {
		return err
	}
	if s := k.State(); s.FinalTry && !final {
		return fault.New(fault.PINRequired, "one try is left, and a wrong PIN locks the token: it was not tried").With("tries_left", "1")
	}
	return k.Login(ctx, pin)
}

// LoginOnReader unlocks a token whose PIN is typed on its reader.
func (t tokens) LoginOnReader(ctx context.Context, label string) error {
	k, err := t.token(label)
	if err != nil {
		return err
	}
	return k.Login(ctx, nil)
}

// Logout locks a token.
func (t tokens) Logout(ctx context.Context, label string) error {
	k, err := t.token(label)
	if err != nil {
		return err
	}
	return k.Logout(ctx)
}
