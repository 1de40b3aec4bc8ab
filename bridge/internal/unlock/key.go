package unlock

import (
	"context"
	"fmt"
	"strings"

	"countersign/bridge/internal/alarm"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
)

// Key is a key in a token, used for one asker: it asks for the PIN when the token wants
// it, and writes each use into the journal first. It is the static key of channels
// ([channel.Static]) and the signer of statements ([jws.Checked]).
type Key struct {
	Why string // what the token does with the key, for prompts: "opens …."

	keeper    *Keeper
	user      *User
	identity  *member.Identity
	certified member.Key
	about     Prompt
	key       keys.Key
}

// token is the token that holds the key.
func (k *Key) token() string { return k.keeper.cfg.Tokens.Token(k.certified.URI) }

func (k *Key) name() string { return k.Device() }

// Device is what people call the token that holds the key.
func (k *Key) Device() string { return k.keeper.cfg.Tokens.Name(k.token()) }

// Open finds the key, with the PIN where the token hides it without one, and
// checks that it is the one that the certificate names.
func (k *Key) Open(ctx context.Context) error {
	if !k.keeper.cfg.Tokens.Present(k.token()) { // look before anybody reads for nothing: a key that was found once is still known
		if _, err := k.present(ctx); err != nil {
			return err
		}
	}
	err := k.find(ctx)
	if fault.CodeOf(err) == fault.PINRequired {
		k.keeper.grants.takeDevice(k.token()) // a locked token allows nothing
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
func (k *Key) find(ctx context.Context) error {
	key, err := k.keeper.find(ctx, k.certified)
	if err != nil {
		return err
	}
	if !key.PublicKey().Equal(k.certified.Public) {
		if dev, err := k.keeper.cfg.Tokens.State(ctx, k.token()); err == nil && dev.Locked {
			return fault.New(fault.PINRequired, fmt.Sprintf("the token %s is locked: its PIN is needed", name.Quote(dev.Identity.Shown()))).With("device", dev.Identity.Shown())
		}
		return fault.New(fault.KeyUnsuited, "the token's key is not the one in the member's certificate")
	}
	k.key = key
	return nil
}

// Public is the point in compressed form, for shared/channel.
func (k *Key) Public() []byte { return k.certified.Public.Compressed() }

// PublicKey is for shared/jws.
func (k *Key) PublicKey() jws.PublicKey { return k.certified.Public }

// ECDH derives for a channel.
func (k *Key) ECDH(ctx context.Context, peer []byte) (secret []byte, err error) {
	if err := k.journal(journal.Derived, nil); err != nil {
		return nil, err
	}
	err = k.unlocked(ctx, func(ctx context.Context, key keys.Key) (err error) { secret, err = key.ECDH(ctx, peer); return err })
	if err != nil {
		if jerr := k.journal(journal.Failed, err); jerr != nil {
			return nil, jerr
		}
		return nil, journal.Written(err)
	}
	return secret, nil
}

// SignDigest signs; its caller has asked the person.
func (k *Key) SignDigest(ctx context.Context, digest []byte) (sig []byte, err error) {
	err = k.unlocked(ctx, func(ctx context.Context, key keys.Key) (err error) {
		sig, err = key.SignDigest(ctx, digest)
		return err
	})
	return sig, err
}

// SignsChecked is for shared/jws: every key verifies what it signs.
func (k *Key) SignsChecked() {}

// unlocked uses the key, and again after the PIN when the token was locked: the
// first try did nothing then.
func (k *Key) unlocked(ctx context.Context, use func(context.Context, keys.Key) error) error {
	if err := k.authorize(ctx); err != nil {
		return err
	}
	err := k.each(ctx, use)
	if fault.CodeOf(err) == fault.PINRequired {
		k.keeper.grants.takeDevice(k.token())
		if err := k.authorize(ctx); err != nil {
			return err
		}
		err = k.each(ctx, use)
	}
	switch fault.CodeOf(err) {
	case "":
		k.keeper.idle.used(k.token())
	case fault.ModuleFailed, fault.DeviceRemoved: // whatever comes back is locked
		k.keeper.grants.takeDevice(k.token())
	}
	return err
}

// present is the token as it is now; when it is missing, after looking for it once
// more. It fails with DEVICE_NOT_FOUND.
func (k *Key) present(ctx context.Context) (device.State, error) {
	tokens := k.keeper.cfg.Tokens
	dev, err := tokens.State(ctx, k.token())
	if err == nil && !dev.Present {
		_, _ = tokens.Key(ctx, k.certified.URI) // looks for the token; whether it is there, and the key, is asked next
		dev, err = tokens.State(ctx, k.token())
	}
	if err == nil && !dev.Present {
		err = fault.New(fault.DeviceMissing, fmt.Sprintf("the token %s is not plugged in", name.Quote(k.name()))).With("device", k.name())
	}
	return dev, err
}

func (k *Key) journal(kind string, err error) error {
	e := k.user.Entry(kind, k.identity)
	e.Device, e.Key, e.Code = k.name(), k.certified.Public.Thumbprint(), string(fault.CodeOf(err))
	return k.keeper.cfg.Journal.Append(e)
}

// authorize makes sure that the token is unlocked and that the person let this
// asker use this key: by entering the PIN for it, or, when the token is unlocked
// already, by approving that. That another asker, or another key, was allowed is
// no reason.
func (k *Key) authorize(ctx context.Context) error {
	token := k.token()
	if err := k.user.asker.Permitted(); err != nil {
		return err
	}
	k.keeper.LockIdle(ctx, token)
	if k.keeper.grants.has(k.user.asker.Who().Pairing, k.certified.Public) {
		return nil
	}
	ctx, stop := k.keeper.pulled.Watch(ctx, token)
	defer stop()
	leave, err := k.keeper.enter(ctx, token)
	if err != nil {
		return alarm.Because(ctx, err)
	}
	defer leave()
	if k.keeper.grants.has(k.user.asker.Who().Pairing, k.certified.Public) { // the person answered another call of this asker
		return nil
	}
	dev, err := k.present(ctx)
	if err == nil && dev.Locked {
		err = k.unlock(ctx, dev)
	} else if err == nil {
		err = k.allow(ctx, dev)
	}
	if err != nil {
		return alarm.Because(ctx, err)
	}
	k.keeper.grants.give(k.user.asker.Who().Pairing, token, k.keeper.on(k.identity, token))
	k.keeper.idle.used(token)
	return nil
}

// allow asks whether the asker may use a token that is unlocked already.
func (k *Key) allow(ctx context.Context, dev device.State) error {
	how := "is unlocked"
	if dev.NoPIN {
		how = "needs no PIN"
	}
	err := k.ask(ctx, consent.Question{Title: "Use " + k.name(),
		Text: fmt.Sprintf("A page of %s wants to use the token %s, which %s.\nIt %s\n\n%s", k.user.asker.Who().Site, name.Quote(k.name()), how, k.Why, k.allows())}, nil)
	if err == nil {
		return k.journal(journal.Allowed, nil)
	}
	if code := fault.CodeOf(err); code != fault.Declined && code != fault.SiteBlocked {
		return err // its caller journals it
	}
	if jerr := k.journal(journal.Declined, err); jerr != nil {
		return jerr
	}
	return journal.Written(err)
}

// Confirm asks about what the key is for, until the token is pulled, and tells the
// asker the lines that the person sees.
func (k *Key) Confirm(ctx context.Context, q consent.Question) error {
	ctx, stop := k.keeper.pulled.Watch(ctx, k.token())
	defer stop()
	return alarm.Because(ctx, k.ask(ctx, q, func(q consent.Question) {
		if text := strings.Join(k.keeper.cfg.Prompts.Lines(q), "\n"); text != "" {
			k.user.asker.Shown(k.about.Approval, text)
		}
	}))
}

// ask asks a question on the asker's behalf; shown, when there is one, is called when
// it is on the screen.
func (k *Key) ask(ctx context.Context, q consent.Question, shown func(consent.Question)) error {
	q.Site = k.user.asker.Who().Site
	return k.user.asker.Prompt(ctx, k.about, func(ctx context.Context, opened consent.Opened) error {
		return k.keeper.cfg.Prompts.Confirm(ctx, q, func() func(error) {
			closed := opened()
			if shown != nil {
				shown(q)
			}
			return closed
		})
	})
}
