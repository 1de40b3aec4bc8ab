package approver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// KeyListing is one key of one identity, for the command line.
type KeyListing struct {
	Member, Purpose, Device, Curve, Thumbprint, State string
}

// ListKeys says of each identity's keys where they are and whether they are
// there. It asks for no PIN.
func ListKeys(ctx context.Context, cfg Config) (list []KeyListing, err error) {
	devices, closeDevices, err := OpenDevices(ctx, cfg.Modules, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeDevices()) }()
	identities, err := loadIdentities(cfg, time.Now())
	if err != nil {
		return nil, err
	}
	for _, id := range identities {
		for _, k := range id.keys() {
			state := "present"
			if err := checkKey(ctx, devices, k); err != nil {
				state = string(fault.CodeOf(err))
			}
			list = append(list, KeyListing{id.Member, k.purpose, tokenOf(k.uri), k.want.Curve(), k.want.Thumbprint(), state})
		}
	}
	return list, nil
}

type certifiedKey struct {
	purpose, uri string
	want         jws.PublicKey
}

func (id *identity) keys() []certifiedKey {
	return []certifiedKey{{"approval", id.ApprovalKey, id.approval}, {"channel", id.ChannelKey, id.channel}}
}

func checkKey(ctx context.Context, devices Devices, k certifiedKey) error {
	var key keys.Key
	key, err := devices.Key(ctx, k.uri)
	if err != nil {
		return err
	}
	if !key.PublicKey().Equal(k.want) {
		return fault.New(fault.KeyUnsuited, "the token's key is not the one in the certificate")
	}
	return nil
}

// Finding is one thing that was checked.
type Finding struct {
	What string
	Err  error // what is wrong and how to repair it; nil when nothing is
}

// Diagnose checks what an approver needs. It asks nobody and changes nothing.
func Diagnose(ctx context.Context, cfg Config) []Finding {
	var all []Finding
	note := func(what string, err error) { all = append(all, Finding{what, err}) }
	for _, m := range cfg.Modules {
		_, err := os.Stat(m)
		note("PKCS#11 module "+m, err)
	}
	identities, err := loadIdentities(cfg, time.Now())
	note(fmt.Sprintf("%d identities with certificates of the pinned signer", len(identities)), err)
	devices, closeDevices, err := OpenDevices(ctx, cfg.Modules, slog.New(slog.DiscardHandler))
	note("modules load", err)
	if err == nil {
		for _, id := range identities {
			dev, err := devices.Device(ctx, id.device)
			if err == nil && !dev.Present {
				err = errors.New("it is not plugged in")
			} else if err == nil && dev.PINLocked {
				err = errors.New("it is locked after too many wrong PINs")
			} else if err == nil && dev.FinalTry {
				err = errors.New("one more wrong PIN locks it")
			}
			note("token "+id.device, err)
			for _, k := range id.keys() {
				err := checkKey(ctx, devices, k)
				if fault.CodeOf(err) == fault.PINRequired {
					err = nil // it shows its keys after the PIN only
				}
				note(fmt.Sprintf("%s key of %s on %s", k.purpose, id.Member, k.want.Curve()), err)
			}
		}
		if err := closeDevices(); err != nil {
			note("modules close", err)
		}
	}
	note(prompt(cfg))
	note(clock(time.Now()))
	for _, a := range cfg.Listen {
		note("address "+a, free(ctx, a))
	}
	for _, o := range cfg.Origins {
		_, err := guard.ParseOrigin(o)
		note("origin "+o, err)
	}
	return all
}

func prompt(cfg Config) (string, error) {
	asker, err := consent.New(consent.Config{Prompt: cfg.Prompt, Pinentry: cfg.Pinentry})
	if err != nil {
		return "prompt", err
	}
	if asker.Where() == "" {
		return "prompt", errors.New("there is neither a display with pinentry nor a terminal: install pinentry, or start the bridge in a terminal")
	}
	return "prompt: " + asker.Where(), nil
}

// clock catches a clock that was never set. Whether it is right to the minute
// shows when a statement arrives.
func clock(now time.Time) (string, error) {
	what := "clock: " + now.UTC().Format(time.RFC3339)
	if y := now.Year(); y < 2026 || y > 2099 {
		return what, errors.New("the clock is wrong: every statement will look stale")
	}
	return what, nil
}

// free reports whether an address can be listened on; one that a bridge already
// uses is fine.
func free(ctx context.Context, address string) error {
	l, err := guard.Listen(ctx, []string{address})
	if errors.Is(err, syscall.EADDRINUSE) {
		c, derr := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if derr != nil {
			return err
		}
		return c.Close()
	}
	if err != nil {
		return err
	}
	return l[0].Close()
}
