package signer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// maxPIN is the longest PIN file, in bytes.
const maxPIN = 256

// hsmVault is the vault token behind [Vault].
type hsmVault struct {
	devices *device.Devices
	token   *device.Device
	uri     device.URI
}

// openHSM loads the module, finds the vault token and unlocks it.
func openHSM(ctx context.Context, cfg Config) (Vault, func() error, error) {
	uri, err := device.ParseURI(cfg.Token)
	if err != nil {
		return nil, nil, err
	}
	pin, err := readPIN(cfg.PINFile)
	if err != nil {
		return nil, nil, err
	}
	defer clear(pin)
	devices, err := device.Open(device.Config{Modules: device.Modules(cfg.Module), Timeout: 30 * time.Second})
	if err != nil {
		return nil, nil, err
	}
	token, err := devices.Device(ctx, cfg.Token)
	if err == nil {
		err = token.Login(ctx, pin, false)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the vault token: %w", err), devices.Close())
	}
	return &hsmVault{devices, token, uri}, devices.Close, nil
}

// readPIN reads a PIN from a file that nobody else may read.
func readPIN(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the PIN of the vault token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("%s must have mode 0600: others may read it now", path)).With("field", "pin_file")
	}
	data, err := readSmall(path, maxPIN)
	if err != nil {
		return nil, fmt.Errorf("read the PIN of the vault token: %w", err)
	}
	return trimmed(data), nil
}

func (v *hsmVault) Key(ctx context.Context, label string) (keys.Key, error) {
	u := v.uri
	u.Object = label
	return v.devices.Key(ctx, u.String())
}

func (v *hsmVault) Generate(ctx context.Context, curve, label string) (keys.Key, error) {
	return v.token.Generate(ctx, device.Template{Curve: curve, Label: label, Sign: true, Derive: true})
}

func (v *hsmVault) GetData(ctx context.Context, label string) ([]byte, error) {
	return v.token.Data(ctx, label)
}

func (v *hsmVault) PutData(ctx context.Context, label string, data []byte) error {
	return v.token.PutData(ctx, label, data)
}
