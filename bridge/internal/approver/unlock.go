package approver

import (
	"context"
	"fmt"
	"strings"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/name"
)

// keyUse is a key in a token, used for one page: it asks for the PIN when the
// token wants it, and writes each use into the journal first. It is the static
// key of channels and the signer of statements.
type keyUse struct {
	conn     *conn
	identity *identity
	uri      string
	want     jws.PublicKey // from the certificate
	why      string        // what the token does with the key, for prompts: "opens …."
	about    frame.PromptParams
	key      keys.Key
}

// device is the token that holds the key, and name what it is called to people.
func (k *keyUse) device() string { return k.conn.bridge.deps.Devices.Token(k.uri) }
func (k *keyUse) name() string   { return k.conn.bridge.deps.Devices.Name(k.device()) }

// open finds the key, with the PIN where the token hides it without one, and
// checks that it is the one that the certificate names.
func (k *keyUse) open(ctx context.Context) error {
	if _, err := k.present(ctx); err != nil { // before anybody reads for nothing; a key that was found once is still known
		return err
	}
	err := k.find(ctx)
	if fault.CodeOf(err) == fault.PINRequired {
		k.conn.bridge.grants.takeDevice(k.device()) // a locked token allows nothing
		if err := k.authorize(ctx); err != nil {
			return err
		}
		err = k.find(ctx)
	}
	return err
}

// find looks for the key that the certificate names. While the token is locked it may
// show another one: whoever opens it without its PIN can put a public key there. Which
// is the right one shows after the PIN, and it fails with PIN_REQUIRED.
func (k *keyUse) find(ctx context.Context) error {
	devices := k.conn.bridge.deps.Devices
	key, err := k.identity.key(ctx, devices, k.uri, k.want)
	if err != nil {
		return err
	}
	if !key.PublicKey().Equal(k.want) {
		if dev, err := devices.Device(ctx, k.device()); err == nil && dev.Locked {
			return fault.New(fault.PINRequired, fmt.Sprintf("the token %s is locked: its PIN is needed", name.Quote(dev.Label))).With("device", dev.Label)
		}
		return fault.New(fault.KeyUnsuited, "the token's key is not the one in the member's certificate")
	}
	k.key = key
	return nil
}

// Public is the point in compressed form, for shared/channel.
func (k *keyUse) Public() []byte { return k.want.Compressed() }

// PublicKey is for shared/jws.
func (k *keyUse) PublicKey() jws.PublicKey { return k.want }

// ECDH derives for a channel.
func (k *keyUse) ECDH(ctx context.Context, peer []byte) (secret []byte, err error) {
	if err := k.journal(journal.Derived, nil); err != nil {
		return nil, err
	}
	err = k.unlocked(ctx, func(ctx context.Context, key keys.Key) (err error) { secret, err = key.ECDH(ctx, peer); return err })
	if err != nil {
		if jerr := k.journal(journal.Failed, err); jerr != nil {
			return nil, jerr
		}
		return nil, &written{err}
	}
	return secret, nil
}

// SignDigest signs; its caller has asked the person.
func (k *keyUse) SignDigest(ctx context.Context, digest []byte) (sig []byte, err error) {
	err = k.unlocked(ctx, func(ctx context.Context, key keys.Key) (err error) {
		sig, err = key.SignDigest(ctx, digest)
		return err
	})
	return sig, err
}

// SignsChecked is for shared/jws: every key verifies what it signs.
func (k *keyUse) SignsChecked() {}

// unlocked uses the key, and again after the PIN when the token was locked: the
// first try did nothing then.
func (k *keyUse) unlocked(ctx context.Context, use func(context.Context, keys.Key) error) error {
	b := k.conn.bridge
	if err := k.authorize(ctx); err != nil {
		return err
	}
	err := k.each(ctx, use)
	if fault.CodeOf(err) == fault.PINRequired {
		b.grants.takeDevice(k.device())
		if err := k.authorize(ctx); err != nil {
			return err
		}
		err = k.each(ctx, use)
	}
	switch fault.CodeOf(err) {
	case "":
		b.idle.used(k.device())
	case fault.ModuleFailed, fault.DeviceRemoved: // whatever comes back is locked
		b.grants.takeDevice(k.device())
	}
	return err
}

// present is the token as it is now; when it is missing, after looking for it once
// more. It fails with DEVICE_NOT_FOUND.
func (k *keyUse) present(ctx context.Context) (Device, error) {
	devices := k.conn.bridge.deps.Devices
	dev, err := devices.Device(ctx, k.device())
	if err == nil && !dev.Present {
		_, _ = devices.Key(ctx, k.uri) // looks for the token; whether it is there, and the key, is asked next
		dev, err = devices.Device(ctx, k.device())
	}
	if err == nil && !dev.Present {
		err = fault.New(fault.DeviceMissing, fmt.Sprintf("the token %s is not plugged in", name.Quote(k.name()))).With("device", k.name())
	}
	return dev, err
}

func (k *keyUse) journal(kind string, err error) error {
	e := k.conn.entry(kind, k.identity)
	e.Device, e.Key, e.Code = k.name(), k.want.Thumbprint(), string(fault.CodeOf(err))
	return k.conn.bridge.deps.Journal.Append(e)
}

// authorize makes sure that the token is unlocked and that the person let this
// page use this key: by entering the PIN for it, or, when the token is unlocked
// already, by approving that. That another page, or another key, was allowed is
// no reason.
func (k *keyUse) authorize(ctx context.Context) error {
	b, label := k.conn.bridge, k.device()
	if err := k.conn.stillPaired(); err != nil {
		return err
	}
	b.lockIdle(ctx, label)
	if b.grants.has(k.conn.pairing, k.want) {
		return nil
	}
	ctx, stop := b.pulled.watch(ctx, label)
	defer stop()
	leave, err := b.enterDevice(ctx, label)
	if err != nil {
		return because(ctx, err)
	}
	defer leave()
	if b.grants.has(k.conn.pairing, k.want) { // the person answered another call of this page
		return nil
	}
	dev, err := k.present(ctx)
	if err == nil && dev.Locked {
		err = k.unlock(ctx, dev)
	} else if err == nil {
		err = k.allow(ctx, dev)
	}
	if err != nil {
		return because(ctx, err)
	}
	b.grants.give(k.conn.pairing, label, k.identity.on(label))
	b.idle.used(label)
	return nil
}

// allow asks whether the page may use a token that is unlocked already.
func (k *keyUse) allow(ctx context.Context, dev Device) error {
	how := "is unlocked"
	if dev.NoPIN {
		how = "needs no PIN"
	}
	about := k.about
	about.Kind = frame.PromptConfirm
	err := k.conn.confirm(consent.Question{Title: "Use " + k.name(),
		Text: fmt.Sprintf("A page of %s wants to use the token %s, which %s.\nIt %s\n\n%s", k.conn.site(), name.Quote(k.name()), how, k.why, k.identity.allows(k.conn.site(), k.device()))}, ctx, about)
	if err == nil {
		return k.journal(journal.Allowed, nil)
	}
	if code := fault.CodeOf(err); code != fault.Declined && code != fault.SiteBlocked {
		return err // its caller journals it
	}
	if jerr := k.journal(journal.Declined, err); jerr != nil {
		return jerr
	}
	return &written{err}
}

// confirm asks about what the key is for, until the token is pulled, and tells the
// page the lines that the person sees.
func (k *keyUse) confirm(ctx context.Context, q consent.Question) error {
	ctx, stop := k.conn.bridge.pulled.watch(ctx, k.device())
	defer stop()
	q.Site = k.conn.site()
	prompts := k.conn.bridge.deps.Prompts
	return because(ctx, k.conn.prompt(ctx, k.about, func(ctx context.Context, opened consent.Opened) error {
		return prompts.Confirm(ctx, q, func() func(error) {
			closed := opened()
			if text := strings.Join(prompts.Lines(q), "\n"); text != "" && len(text) <= frame.MaxShown {
				k.conn.notify(frame.PromptText, frame.PromptTextParams{Approval: k.about.Approval, Text: text})
			}
			return closed
		})
	}))
}

// enterDevice waits until nobody else is asked about a token: one PIN serves all
// calls of a page that wait for it.
func (b *Bridge) enterDevice(ctx context.Context, label string) (leave func(), err error) {
	b.mu.Lock()
	door := b.doors[label]
	if door == nil {
		door = make(chan struct{}, 1)
		b.doors[label] = door
	}
	b.mu.Unlock()
	select {
	case door <- struct{}{}:
		return func() { <-door }, nil
	case <-ctx.Done():
		return nil, keys.Ended(ctx)
	}
}
