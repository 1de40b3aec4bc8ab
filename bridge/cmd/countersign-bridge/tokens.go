package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
	"countersign/shared/name"
)

// tokenTimeout is how long a call into a module may take before it is abandoned: a
// command would rather say so than wait.
const tokenTimeout = 20 * time.Second

// maxTries is how many PINs a command asks for.
const maxTries = 3

// tokens are the tokens of a configuration, for one command: with the prompt to
// ask for PINs at, and the journal to write down what is done.
type tokens struct {
	cfg     approver.Config
	devices *device.Devices
	asker   consent.Asker
	book    book
}

// openTokens loads the modules of a configuration.
func openTokens(ctx context.Context, cfg approver.Config) (*tokens, error) {
	if err := cfg.Trust(nil); err != nil {
		return nil, err
	}
	asker, err := consent.New(consent.Config{Prompt: cfg.Prompt, Pinentry: cfg.Pinentry})
	if err != nil {
		return nil, err
	}
	book := book{approver.Client(cfg)}
	if err := book.ready(ctx); err != nil {
		return nil, err
	}
	devices, err := device.Open(device.Config{Modules: cfg.DeviceModules(), Timeout: tokenTimeout})
	if err != nil {
		return nil, err
	}
	if err := devices.Usable(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the PKCS#11 modules: %w", err), devices.Close())
	}
	return &tokens{cfg: cfg, devices: devices, asker: asker, book: book}, nil
}

// Close ends the use of the tokens.
func (s *tokens) Close() error { return s.devices.Close() }

// token finds a token by its label or its URI. When it is not there, the error names
// those that are: labels are easily mistyped.
func (s *tokens) token(ctx context.Context, named string) (*device.Device, error) {
	if !strings.HasPrefix(strings.ToLower(named), "pkcs11:") {
		named = device.URI{Token: named}.String()
	}
	d, err := s.devices.Device(ctx, named)
	if fault.CodeOf(err) == fault.DeviceMissing {
		var there []string
		for _, d := range s.devices.All() {
			if d.Present() {
				there = append(there, name.Quote(s.devices.Name(d.Identity())))
			}
		}
		if len(there) > 0 {
			err = fmt.Errorf("%w; there is %s", err, strings.Join(there, ", "))
		}
	}
	return d, err
}

// certified finds a key of an identity and makes sure that it is the one in the
// certificate.
func (s *tokens) certified(ctx context.Context, k member.Key) (*device.Key, error) {
	key, err := s.key(ctx, k.URI)
	if err == nil && !key.PublicKey().Equal(k.Public) {
		err = fault.New(fault.KeyUnsuited, fmt.Sprintf("the token's key %s is not the one in the certificate", k.URI))
	}
	return key, err
}

// key finds a key by its URI. When the token shows nothing without its PIN, the
// PIN is asked for.
func (s *tokens) key(ctx context.Context, uri string) (*device.Key, error) {
	key, err := s.devices.Key(ctx, uri)
	if fault.CodeOf(err) == fault.PINRequired {
		var d *device.Device
		if d, err = s.devices.Device(ctx, uri); err != nil {
			return nil, err
		}
		if err = s.unlockToken(ctx, d, "The token shows its keys only when it is unlocked."); err != nil {
			return nil, err
		}
		key, err = s.devices.Key(ctx, uri)
	}
	if err != nil {
		return nil, err
	}
	return key.(*device.Key), nil
}

// proven is a key that may be believed: a certificate of the configuration names it, or
// its private half has proven it. That takes the PIN.
func (s *tokens) proven(ctx context.Context, uri string, key *device.Key) (*device.Key, error) {
	if list, err := s.cfg.Members(); err == nil && len(usedAs(list.All, key.PublicKey())) > 0 {
		return key, nil
	}
	const why = "The key proves that its private half is in the token."
	if key.Device().State(ctx).Locked {
		if err := s.unlockToken(ctx, key.Device(), why); err != nil {
			return nil, err
		}
		var err error
		if key, err = s.key(ctx, uri); err != nil { // now private keys decide which it is
			return nil, err
		}
	}
	if !key.Proven() || key.Info().Unprotected {
		if err := keys.Prove(ctx, s.using(key, why)); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// unlock unlocks the token of a key, unless it asks for the PIN at each use.
func (s *tokens) unlock(ctx context.Context, key *device.Key, why string) error {
	if key.Info().AlwaysAuth {
		return nil
	}
	return s.unlockToken(ctx, key.Device(), why)
}

// unlockToken asks for the PIN of a token until it is right, or enough were wrong.
func (s *tokens) unlockToken(ctx context.Context, d *device.Device, why string) error {
	if d.State(ctx).NoPIN { // nothing can be unlocked; the word is asked for all the same
		called := s.devices.Name(d.Identity())
		return s.asker.Confirm(ctx, consent.Question{Title: "Use " + called, Text: fmt.Sprintf("The token %s needs no PIN.\n%s\n", name.Quote(called), why)})
	}
	return s.until(ctx, d, why, func(pin []byte, final bool) error {
		if pin == nil {
			return d.LoginOnReader(ctx)
		}
		return d.Login(ctx, pin, final)
	})
}

// until makes tries with a PIN of the person until one succeeds. pin is nil when
// it is typed on the reader.
func (s *tokens) until(ctx context.Context, d *device.Device, why string, try func(pin []byte, final bool) error) error {
	label, called := d.Identity().Shown(), s.devices.Name(d.Identity())
	if called != label {
		why += " The token is " + called + "."
	}
	note := func(kind string, err error) error {
		_, jerr := s.book.Append(ctx, journal.Event{Kind: kind, Device: called, Code: string(fault.CodeOf(err))})
		return jerr
	}
	problem := ""
	for n := 1; ; n++ {
		state := d.State(ctx)
		if state.PINLocked {
			return fault.New(fault.PINLocked, fmt.Sprintf("the token %s is locked after too many wrong PINs", name.Quote(called))).With("device", called)
		}
		if state.PINUnset {
			return fault.New(fault.DeviceFailed, fmt.Sprintf("the token %s could not be unlocked: its PIN was never set", name.Quote(called))).With("device", called).With("ckr", "0x102")
		}
		err := s.attempt(ctx, state, consent.PINQuestion{Device: label, Reason: why, Problem: problem, FinalTry: state.FinalTry, TriesLeft: state.TriesLeft}, try)
		if err == nil {
			return note(journal.Unlocked, nil)
		}
		if jerr := note(journal.PINFailed, err); jerr != nil {
			return jerr
		}
		if fault.CodeOf(err) != fault.PINIncorrect || n == maxTries {
			return err
		}
		problem = "That PIN was not right."
	}
}

func (s *tokens) attempt(ctx context.Context, state device.State, q consent.PINQuestion, try func(pin []byte, final bool) error) error {
	if state.FinalTry {
		err := s.asker.Confirm(ctx, consent.Question{Title: "Last try for " + q.Device,
			Text: fmt.Sprintf("One try is left for the PIN of the token %s.\nA wrong PIN locks it: only its administrator can unlock it then.\n%s\n", name.Quote(q.Device), q.Reason)})
		if err != nil {
			return err
		}
	}
	if state.PINPad {
		return s.onReader(ctx, q, func() error { return try(nil, state.FinalTry) })
	}
	pin, err := s.asker.PIN(ctx, q)
	if err != nil {
		return err
	}
	defer clear(pin)
	return try(pin, state.FinalTry)
}

// onReader waits for a PIN that is typed on the reader's pad, and says so.
func (s *tokens) onReader(ctx context.Context, q consent.PINQuestion, do func() error) error {
	showing, hide := context.WithCancel(ctx)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_ = s.asker.Show(showing, consent.Notice{Title: "PIN of " + q.Device, Text: "Type the PIN on the reader, or cancel there.\n" + q.Reason + "\n"})
	}()
	err := do()
	hide()
	<-shown
	return err
}

// journaled has a key sign what an event says, which the journal has before: sign gets
// where the journal ends with it. A signature that fails is another line.
func (s *tokens) journaled(ctx context.Context, key *device.Key, event journal.Event, sign func(journal.Head) (string, error)) (string, error) {
	event.Device, event.Key = s.devices.Name(key.Device().Identity()), key.PublicKey().Thumbprint()
	head, err := s.book.Append(ctx, event)
	if err != nil {
		return "", err
	}
	token, err := sign(head)
	if err != nil {
		event.Kind, event.Code = journal.Failed, string(fault.CodeOf(err))
		_, jerr := s.book.Append(ctx, event)
		return "", errors.Join(err, jerr)
	}
	return token, nil
}

// using is key as it can be used: with a PIN for each use where the token wants
// that.
func (s *tokens) using(key *device.Key, why string) keys.Key {
	if !key.Info().AlwaysAuth {
		return key
	}
	return perUse{key, s, why}
}

// perUse is a key that wants its PIN at each use.
type perUse struct {
	*device.Key
	tokens *tokens
	why    string
}

// SignDigest asks for the PIN and signs.
func (k perUse) SignDigest(ctx context.Context, digest []byte) (sig []byte, err error) {
	err = k.tokens.until(ctx, k.Device(), k.why, func(pin []byte, _ bool) (err error) {
		sig, err = k.WithPIN(func(context.Context) ([]byte, error) { return pin, nil }).SignDigest(ctx, digest)
		return err
	})
	return sig, err
}
