package approver

import (
	"context"
	"fmt"

	"countersign/bridge/internal/device"
)

// devices are the Devices behind PKCS#11 modules.
type devices struct {
	*device.Devices
}

// OpenDevices opens the PKCS#11 modules and returns their tokens, and how to
// close them.
func OpenDevices(cfg device.Config) (Devices, func() error, error) {
	d, err := device.Open(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("open the PKCS#11 modules: %w", err)
	}
	return devices{d}, d.Close, nil
}

func (d devices) token(ctx context.Context, label string) (*device.Device, error) {
	return d.Devices.Device(ctx, device.URI{Token: label}.String())
}

// Device reads how a token is.
func (d devices) Device(ctx context.Context, label string) (Device, error) {
	s := d.State(ctx, label)
	return Device{Label: s.Label, Present: s.Present, Locked: s.Locked, PINLocked: s.PINLocked, FinalTry: s.FinalTry,
		CountLow: s.CountLow, TriesLeft: s.TriesLeft, PINPad: s.PINPad, Lacks: s.Lacks}, nil
}

// Login unlocks a token.
func (d devices) Login(ctx context.Context, label string, pin []byte, final bool) error {
	k, err := d.token(ctx, label)
	if err != nil {
		return err
	}
	return k.Login(ctx, pin, final)
}

// LoginOnReader unlocks a token whose PIN is typed on its reader.
func (d devices) LoginOnReader(ctx context.Context, label string) error {
	k, err := d.token(ctx, label)
	if err != nil {
		return err
	}
	return k.LoginOnReader(ctx)
}

// Logout locks a token.
func (d devices) Logout(ctx context.Context, label string) error {
	k, err := d.token(ctx, label)
	if err != nil {
		return err
	}
	return k.Logout(ctx)
}
