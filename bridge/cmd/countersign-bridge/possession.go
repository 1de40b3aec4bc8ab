package main

import (
	"context"
	"fmt"
	"slices"

	"countersign/bridge/internal/device"
	"countersign/shared/ceremony"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// proves has a registration prove to the vault that whoever registers holds the channel key. That
// key can do nothing but ECDH: the proof takes its secret with the vault's own channel key, and so
// convinces the vault alone. Before a vault has begun there is none; then the first channel is the
// proof. Whose keys these are need not be known: those of another vault make a proof that is refused.
func (c *memberRegister) proves(ctx context.Context, r statement.Registration, channel *device.Key) (statement.Registration, error) {
	if c.SignerFile != "" {
		data, err := readFile(c.SignerFile, vault.MaxSignerFile)
		if err != nil {
			return r, fmt.Errorf("read signer.json: %w", err)
		}
		pinned, err := vault.ReadSigner(data)
		if err != nil {
			return r, fmt.Errorf("read %s: %w", c.SignerFile, err)
		}
		for _, k := range pinned.Channels {
			c.vault = append(c.vault, k.JWK())
		}
	}
	for _, j := range c.vault {
		if j.Crv != channel.PublicKey().Curve() {
			continue
		}
		to, err := jws.FromJWK(j)
		if err != nil {
			return r, fmt.Errorf("read the vault's channel key: %w", err)
		}
		secret, err := channel.ECDH(ctx, to.Uncompressed())
		if err != nil {
			return r, fmt.Errorf("have the channel key prove itself: %w", err)
		}
		defer clear(secret)
		return ceremony.Prove(r, to, secret)
	}
	return r, nil
}

// driverSays is what the driver of a token says of the keys with two labels; zero when it does not
// show them, as the driver of a card may not. It proves nothing: a driver can say what it likes.
func (s *tokens) driverSays(ctx context.Context, d *device.Device, approval, channel *device.Key, labels [2]string) intent.Driver {
	says := intent.Driver{Token: s.devices.Name(d.Identity())}
	if name.Problem(says.Token) != "" { // its maker chose it
		says.Token = "a token"
	}
	for i, key := range []*device.Key{approval, channel} {
		pairs, _, err := d.Pairs(ctx, labels[i])
		at := slices.IndexFunc(pairs, func(p device.Pair) bool { return p.Key != nil && p.Key.PublicKey().Equal(key.PublicKey()) })
		if err != nil || at < 0 {
			return intent.Driver{}
		}
		o := pairs[at].Origin
		*[]*string{&says.Approval, &says.Channel}[i] = intent.DriverSays(o.Local, o.AlwaysSensitive, o.NeverExtractable)
	}
	return says
}
