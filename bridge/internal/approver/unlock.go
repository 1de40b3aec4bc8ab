package approver

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
)

// maxTries is how many PINs are asked for in one call.
const maxTries = 3

// keyUse is a key in a token, used for one page: it asks for the PIN when the
// token wants it, and writes each use into the journal first. It is the static
// key of channels and the signer of statements.
type keyUse struct {
	conn     *conn
	identity *identity
	uri      string
	want     jws.PublicKey // from the certificate
	why      string        // for the PIN prompt
	about    frame.PromptParams
	key      keys.Key
}

// open finds the key, with the PIN where the token hides it without one, and
// checks that it is the one that the certificate names.
func (k *keyUse) open(ctx context.Context) error {
	devices := k.conn.bridge.deps.Devices
	key, err := k.identity.key(ctx, devices, k.uri)
	if fault.CodeOf(err) == fault.PINRequired {
		if err := k.authorize(ctx); err != nil {
			return err
		}
		key, err = k.identity.key(ctx, devices, k.uri)
	}
	if err != nil {
		return err
	}
	if !key.PublicKey().Equal(k.want) {
		return fault.New(fault.KeyUnsuited, "the token's key is not the one in the member's certificate")
	}
	if key.Info().AlwaysAuth {
		return fault.New(fault.KeyUnsuited, "the token wants its PIN for each use of this key, which this version cannot give")
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
	if err := k.journal(journal.Derived); err != nil {
		return nil, err
	}
	err = k.unlocked(ctx, func() (err error) { secret, err = k.key.ECDH(ctx, peer); return err })
	return secret, err
}

// SignDigest signs; its caller has asked the person.
func (k *keyUse) SignDigest(ctx context.Context, digest []byte) (sig []byte, err error) {
	err = k.unlocked(ctx, func() (err error) { sig, err = k.key.SignDigest(ctx, digest); return err })
	return sig, err
}

// SignsChecked is for shared/jws: every key verifies what it signs.
func (k *keyUse) SignsChecked() {}

// unlocked uses the key, and again after the PIN when the token was locked: the
// first try did nothing then.
func (k *keyUse) unlocked(ctx context.Context, use func() error) error {
	if err := k.authorize(ctx); err != nil {
		return err
	}
	err := use()
	if fault.CodeOf(err) != fault.PINRequired {
		return err
	}
	k.conn.bridge.forget(k.conn.pairing, k.identity.device)
	if err := k.authorize(ctx); err != nil {
		return err
	}
	return use()
}

func (k *keyUse) journal(event string) error {
	return k.conn.bridge.deps.Journal.Append(journal.Event{Kind: event, Origin: k.conn.origin, Pairing: k.conn.pairing,
		Entity: k.identity.Entity, Member: k.identity.Member, Device: k.identity.device, Key: k.want.Thumbprint()})
}

// authorize makes sure that the token is unlocked and that the person let this
// page use it: by entering the PIN for it, or, when another page's PIN has
// unlocked the token, by approving that.
func (k *keyUse) authorize(ctx context.Context) error {
	b, label := k.conn.bridge, k.identity.device
	if b.isAuthorized(k.conn.pairing, label) {
		return nil
	}
	lock := b.deviceLock(label)
	lock.Lock()
	defer lock.Unlock()
	if b.isAuthorized(k.conn.pairing, label) {
		return nil
	}
	dev, err := b.deps.Devices.Device(ctx, label)
	if err != nil {
		return err
	}
	switch {
	case !dev.Present:
		return fault.New(fault.DeviceMissing, fmt.Sprintf("the token %q is not plugged in", label)).With("device", label)
	case dev.Locked:
		err = k.enterPIN(ctx, dev)
	default:
		q := consent.Question{Title: "Use " + label, Text: fmt.Sprintf("A page of %s wants to use the token %q,\nwhich is unlocked. You will still be asked about every signature.\n", k.conn.origin, label)}
		about := k.about
		about.Kind = frame.PromptConfirm
		err = k.conn.confirm(q, ctx, about)
	}
	if err != nil {
		return err
	}
	b.authorize(k.conn.pairing, label)
	return nil
}

// enterPIN asks for the PIN until it is right, the person gives up, or enough
// tries were made. It never tries a PIN twice.
func (k *keyUse) enterPIN(ctx context.Context, dev Device) error {
	b, label := k.conn.bridge, k.identity.device
	var problem string
	var last error
	for range maxTries {
		if dev.PINLocked {
			return fault.New(fault.PINLocked, fmt.Sprintf("the token %q is locked after too many wrong PINs", label)).With("device", label)
		}
		about := k.about
		about.Kind = frame.PromptPIN
		opened, closed := k.conn.prompting(about)
		pin, err := b.deps.Prompts.PIN(ctx, consent.PINQuestion{Device: label, Reason: k.why, Problem: problem, FinalTry: dev.FinalTry, TriesLeft: dev.TriesLeft}, opened)
		closed()
		if err != nil {
			if jerr := k.journal(journal.PINFailed); jerr != nil {
				return jerr
			}
			return err
		}
		err = b.deps.Devices.Login(ctx, label, pin, dev.FinalTry)
		clear(pin)
		if err == nil {
			return k.journal(journal.Unlocked)
		}
		if jerr := k.journal(journal.PINFailed); jerr != nil {
			return jerr
		}
		if fault.CodeOf(err) != fault.PINIncorrect {
			return err
		}
		problem, last = "That PIN was not right.", err
		if dev, err = b.deps.Devices.Device(ctx, label); err != nil {
			return err
		}
	}
	return last
}

func authorizedKey(pairing, label string) string { return pairing + " " + label }

func deviceOf(key string) string {
	_, label, _ := strings.Cut(key, " ")
	return label
}

func (b *Bridge) isAuthorized(pairing, label string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.authorized[authorizedKey(pairing, label)]
}

func (b *Bridge) authorize(pairing, label string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.authorized[authorizedKey(pairing, label)] = true
}

func (b *Bridge) forget(pairing, label string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.authorized, authorizedKey(pairing, label))
}

// forgetPage takes back what a page whose pairing was revoked was allowed.
func (b *Bridge) forgetPage(pairing string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.authorized {
		if strings.HasPrefix(k, pairing+" ") {
			delete(b.authorized, k)
		}
	}
}

func (b *Bridge) deviceLock(label string) *sync.Mutex {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unlocking[label] == nil {
		b.unlocking[label] = new(sync.Mutex)
	}
	return b.unlocking[label]
}
