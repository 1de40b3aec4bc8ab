package unlock

import (
	"context"
	"fmt"
	"strings"

	"countersign/bridge/internal/alarm"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/name"
)

// maxTries is how many PINs are asked for in one call.
const maxTries = 3

// ckrPINUnset is CKR_USER_PIN_NOT_INITIALIZED, which the token would return.
const ckrPINUnset = "0x102"

// pinTries are the PINs that one call asks for.
type pinTries struct {
	use     *Key
	allows  string // what a right one allows
	problem string // what was wrong with the last one
	wrong   bool   // it was another PIN than the token's
}

// unlock asks for the token's PIN until it is right, the person cancels, or
// enough tries were made. It never tries a PIN twice.
func (k *Key) unlock(ctx context.Context, dev device.State) error {
	locks := k.keeper.cfg.Locks
	t := &pinTries{use: k, allows: k.allows()}
	return t.until(ctx, dev, func(ctx context.Context, dev device.State) error {
		if dev.PINPad {
			return t.onReader(ctx, dev, func(ctx context.Context) error { return locks.LoginOnReader(ctx, k.token()) })
		}
		pin, err := t.ask(ctx, dev)
		if err != nil {
			return err
		}
		defer clear(pin)
		return locks.Login(ctx, k.token(), pin, dev.FinalTry)
	})
}

// until makes tries until one succeeds, and journals each that does not. The last
// one that the token gives is made after a question of its own.
func (t *pinTries) until(ctx context.Context, dev device.State, try func(context.Context, device.State) error) error {
	k := t.use
	var err error
	for range maxTries {
		if dev.PINLocked {
			return fault.New(fault.PINLocked, fmt.Sprintf("the token %s is locked after too many wrong PINs", name.Quote(k.name()))).With("device", dev.Identity.Shown())
		}
		if dev.PINUnset {
			return fault.New(fault.DeviceFailed, fmt.Sprintf("the token %s could not be unlocked: its PIN was never set", name.Quote(k.name()))).With("device", dev.Identity.Shown()).With("ckr", ckrPINUnset)
		}
		if err = t.last(ctx, dev); err == nil {
			err = try(ctx, dev)
		}
		if err == nil {
			return k.journal(journal.Unlocked, nil)
		}
		if err = alarm.Because(ctx, err); !aboutPIN(err) {
			return err
		}
		if jerr := k.journal(journal.PINFailed, err); jerr != nil {
			return jerr
		}
		f, _ := fault.As(err)
		if f == nil || f.Code != fault.PINIncorrect && (f.Code != fault.PINRequired || f.Details["tries_left"] != "1") {
			return journal.Written(err)
		}
		t.problem, t.wrong = sentence(f.Message), f.Code == fault.PINIncorrect
		var derr error
		if dev, derr = k.keeper.cfg.Tokens.State(ctx, k.token()); derr != nil {
			return derr
		}
	}
	return journal.Written(err)
}

// aboutPIN reports whether an error says what became of a PIN; any other is of
// the token, or of the asker.
func aboutPIN(err error) bool {
	switch fault.CodeOf(err) {
	case fault.PINIncorrect, fault.PINLocked, fault.PINRequired, fault.Declined, fault.SiteBlocked, fault.Cancelled, fault.Timeout:
		return true
	}
	return false
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// last makes sure that the person knows when a wrong PIN would lock the token.
func (t *pinTries) last(ctx context.Context, dev device.State) error {
	if !dev.FinalTry {
		return nil
	}
	return t.use.ask(ctx, consent.Question{Title: "Last try for " + t.use.name(),
		Text: fmt.Sprintf("One try is left for the PIN of the token %s.\n\nA wrong PIN locks the token permanently: only its administrator can unlock it then,\n"+
			"and some tokens must be set up again.\n\nApprove only if you are sure that you know the PIN. You are asked for it next.\n", name.Quote(t.use.name()))}, nil)
}

// ask has the person type the PIN. The caller wipes it.
func (t *pinTries) ask(ctx context.Context, dev device.State) (pin []byte, err error) {
	k := t.use
	about := k.about
	about.PIN, about.Again = true, t.wrong
	q := consent.PINQuestion{Site: k.user.asker.Who().Site, Device: dev.Identity.Shown(), Reason: t.reason(dev), Allows: t.allows, Problem: t.problem, FinalTry: dev.FinalTry, TriesLeft: dev.TriesLeft}
	err = k.user.asker.Prompt(ctx, about, func(ctx context.Context, opened consent.Opened) (err error) {
		pin, err = k.keeper.cfg.Prompts.PIN(ctx, q, opened)
		return err
	})
	return pin, err
}

// reason says what the PIN is for, and of tokens with one label which it is.
func (t *pinTries) reason(dev device.State) string {
	if called := t.use.name(); called != dev.Identity.Shown() {
		return "Its PIN " + t.use.Why + " The token is " + called + "."
	}
	return "Its PIN " + t.use.Why
}

// onReader does what waits for a PIN on the reader's pad, beside a notice with
// which the person may cancel.
func (t *pinTries) onReader(ctx context.Context, dev device.State, do func(context.Context) error) error {
	k := t.use
	about := k.about
	about.PIN, about.OnReader, about.Again = true, true, t.wrong
	n := consent.Notice{Site: k.user.asker.Who().Site, Title: "PIN of " + t.use.name(), Text: t.notice(dev)}
	var done error
	err := k.user.asker.Prompt(ctx, about, func(ctx context.Context, opened consent.Opened) error {
		doing, cancel := context.WithCancel(ctx)
		defer cancel()
		showing, hide := context.WithCancel(ctx)
		defer hide()
		over := make(chan struct{})
		err := k.keeper.cfg.Prompts.Show(showing, n, func() func(error) {
			go func() {
				defer close(over)
				done = do(doing)
				hide()
			}()
			closed := opened()
			return func(err error) {
				if showing.Err() != nil {
					err = nil // the reader has answered
				}
				closed(err)
			}
		})
		if showing.Err() != nil && ctx.Err() == nil {
			<-over
			return nil
		}
		cancel() // cancelled: the reader, too
		return err
	})
	if err != nil {
		return err
	}
	return done
}

func (t *pinTries) notice(dev device.State) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Type the PIN of %s on the reader.\n%s\n", name.Quote(t.use.name()), t.reason(dev))
	switch {
	case t.problem != "" && dev.TriesLeft >= 0:
		fmt.Fprintf(&b, "%s %s left.\n", t.problem, fold.Count(dev.TriesLeft, "try", "tries"))
	case t.problem != "":
		fmt.Fprintf(&b, "%s\n", t.problem)
	}
	if t.allows != "" {
		b.WriteString("\n" + t.allows)
	}
	return b.String()
}

// perUse is a key that wants its PIN at each use: bridge/internal/device has it.
type perUse interface {
	WithPIN(ask func(context.Context) ([]byte, error)) keys.Key
}

// each uses the key once, with a PIN of its own where the token wants that. A PIN
// that was wrong did nothing, and the person is asked for another.
func (k *Key) each(ctx context.Context, use func(context.Context, keys.Key) error) error {
	if !k.key.Info().AlwaysAuth {
		return use(ctx, k.key)
	}
	key, ok := k.key.(perUse)
	if !ok {
		return fault.New(fault.KeyUnsuited, "the token wants its PIN at each use of this key, which it cannot be given")
	}
	ctx, stop := k.keeper.pulled.Watch(ctx, k.token())
	defer stop()
	dev, err := k.keeper.cfg.Tokens.State(ctx, k.token())
	if err != nil {
		return alarm.Because(ctx, err)
	}
	t := &pinTries{use: k, allows: "The token wants its PIN for each use of this key. This PIN allows one use and no other.\n"}
	return t.until(ctx, dev, func(ctx context.Context, dev device.State) error {
		if dev.PINPad {
			return t.onReader(ctx, dev, func(ctx context.Context) error {
				return use(ctx, key.WithPIN(func(context.Context) ([]byte, error) { return nil, nil }))
			})
		}
		return use(ctx, key.WithPIN(func(ctx context.Context) ([]byte, error) { return t.ask(ctx, dev) }))
	})
}
