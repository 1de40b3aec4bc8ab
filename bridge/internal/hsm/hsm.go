// Package hsm reaches the keys in the tokens of one PKCS#11 module (v2.40):
// finding tokens, unlocking them, signing, ECDH, making keys. It is the bridge's
// only package that uses cgo, and the one owner of a module in its process.
//
// What it does about the ways in which modules fail was measured: a session is
// used by one goroutine for its life, because a shared one crashes the process;
// operations wait in one queue per token; handles are cached for one login;
// curve, mechanism and length are checked before any call into C; a key object
// survives the removal of its token, and works again after the PIN. What it
// cannot do anything about is a module that crashes or hangs: bridge/internal/device,
// its only user, runs it in a process of its own and watches [Tokens.Stuck].
package hsm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
)

// State is a token as it is now.
type State struct {
	Identity  Identity `json:"identity"`
	Present   bool     `json:"present"`
	Locked    bool     `json:"locked"`     // the PIN is needed before a private key can be used
	PINLocked bool     `json:"pin_locked"` // too many wrong PINs
	FinalTry  bool     `json:"final_try"`  // the next wrong PIN locks it
	CountLow  bool     `json:"count_low"`  // a wrong PIN was given since the last right one
	TriesLeft int      `json:"tries_left"` // -1 when the token does not say
	PINPad    bool     `json:"pin_pad"`    // the PIN is typed on the reader
	PINUnset  bool     `json:"pin_unset"`  // the PIN was never set
	PINStale  bool     `json:"pin_stale"`  // the PIN must be changed before the token does anything with it
	NoPIN     bool     `json:"no_pin"`     // it needs none (CKF_LOGIN_REQUIRED is not set)
	ReadOnly  bool     `json:"read_only"`  // it is write-protected
	Lacks     []string `json:"lacks"`      // what the bridge may need and it cannot: see [Token.Lacks]
}

// Config says which module to load and how.
type Config struct {
	Path     string        // of the module
	Reserved string        // C_INITIALIZE_ARGS.pReserved, which NSS wants; empty: none
	Poll     time.Duration // how often the slots are looked at; 0: a second
	Timeout  time.Duration // how long one call of an operation may take; 0: 60 s
}

// Change is a token that came or went.
type Change struct {
	Token   *Token
	Present bool
}

// Tokens are the tokens of one module.
type Tokens struct {
	module  *module
	stop    context.CancelFunc
	polling sync.WaitGroup
}

// Open loads the module and finds its tokens. It fails with DEVICE_ERROR when the
// module cannot be loaded.
func Open(cfg Config) (*Tokens, error) {
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	m, err := acquire(cfg)
	if err != nil {
		message := fmt.Sprintf("the PKCS#11 module %s cannot be used", cfg.Path)
		f := fault.Wrap(err, fault.DeviceFailed, message).With("module", cfg.Path)
		if rv, ok := errors.AsType[pkcs11.Error](err); ok {
			if meaning, ok := meanings[rv]; ok {
				f = fault.Wrap(err, fault.DeviceFailed, message+": "+meaning).With("module", cfg.Path)
			}
			f = f.With("ckr", fmt.Sprintf("0x%x", uint(rv)))
		}
		return nil, f
	}
	t := &Tokens{module: m}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.polling.Go(func() { t.poll(ctx, cfg.Poll) })
	return t, nil
}

// Close ends the use of the module. Operations that are running finish first.
func (t *Tokens) Close() error {
	t.stop()
	t.polling.Wait()
	return t.module.release()
}

// Stuck reports that a call into the module takes longer than it may: the module
// hangs, and nothing in this process can end the call. It is to be asked every second:
// longer pauses do not count as time that a call had.
func (t *Tokens) Stuck() bool { return t.module.running.pulse(time.Now()) }

func (t *Tokens) poll(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			t.module.refresh()
		}
	}
}

// Watch calls changed for each token that is known, and then when one comes or
// goes, until the returned function is called. changed must not block.
func (t *Tokens) Watch(changed func(Change)) (stop func()) {
	t.module.telling.Lock()
	defer t.module.telling.Unlock()
	for _, k := range t.All() {
		changed(Change{k, k.isPresent()})
	}
	return t.module.watchers.add(changed)
}

// All lists every token that is plugged in, or was.
func (t *Tokens) All() []*Token {
	all := t.module.list()
	slices.SortFunc(all, func(a, b *Token) int { return strings.Compare(a.id.Label, b.id.Label) })
	return all
}

// Look has the module look for a token that is missed; known says that it
// was there before. Changes are told to the watchers first.
func (t *Tokens) Look(known bool) { t.module.lookAgain(known) }
