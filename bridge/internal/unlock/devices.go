package unlock

import (
	"context"
	"fmt"

	"countersign/bridge/internal/device"
)

// Devices are the [Tokens] and [Locks] behind PKCS#11 modules.
type Devices struct {
	*device.Devices
}

// OpenDevices opens the PKCS#11 modules and returns their tokens, and how to
// close them. When none of them can be used now, that is in the log: they are tried again.
func OpenDevices(cfg device.Config) (Devices, func() error, error) {
	d, err := device.Open(cfg)
	if err != nil {
		return Devices{}, nil, fmt.Errorf("open the PKCS#11 modules: %w", err)
	}
	if err := d.Usable(); err != nil && cfg.Log != nil {
		cfg.Log.Warn("no PKCS#11 module can be used: the bridge runs, and sees no token until one of them can be")
	}
	return Devices{d}, d.Close, nil
}

// Token is the name under which the other methods know the token that a URI names: a
// URI of all that the token says of itself, or what there is to say when it was never
// there or several match.
func (d Devices) Token(uri string) string {
	u, err := device.ParseURI(uri)
	if err != nil {
		return ""
	}
	if k, err := d.Known(u); err == nil && k != nil {
		return k.Identity().URI().String()
	}
	return u.OfToken().String()
}

func (d Devices) token(ctx context.Context, token string) (*device.Device, error) {
	return d.Devices.Device(ctx, token)
}

// State reads how a token is.
func (d Devices) State(ctx context.Context, token string) (device.State, error) {
	u, err := device.ParseURI(token)
	if err != nil {
		return device.State{}, err
	}
	return d.Devices.State(ctx, u)
}

// Present reports whether a token was seen last.
func (d Devices) Present(token string) bool {
	u, err := device.ParseURI(token)
	if err != nil {
		return false
	}
	k, err := d.Known(u)
	return err == nil && k != nil && k.Present()
}

// Name is what a token is called to people.
func (d Devices) Name(token string) string {
	u, err := device.ParseURI(token)
	if err != nil {
		return token
	}
	return d.Devices.Name(device.Named(u))
}

// Watch calls changed when a token comes or goes.
func (d Devices) Watch(ctx context.Context, changed func(token string, present bool)) error {
	return d.Devices.Watch(ctx, func(id device.Identity, present bool) { changed(id.URI().String(), present) })
}

// Login unlocks a token.
func (d Devices) Login(ctx context.Context, token string, pin []byte, final bool) error {
	k, err := d.token(ctx, token)
	if err != nil {
		return err
	}
	return k.Login(ctx, pin, final)
}

// LoginOnReader unlocks a token whose PIN is typed on its reader.
func (d Devices) LoginOnReader(ctx context.Context, token string) error {
	k, err := d.token(ctx, token)
	if err != nil {
		return err
	}
	return k.LoginOnReader(ctx)
}

// Logout locks a token.
func (d Devices) Logout(ctx context.Context, token string) error {
	k, err := d.token(ctx, token)
	if err != nil {
		return err
	}
	return k.Logout(ctx)
}
