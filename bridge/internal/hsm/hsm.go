// Package hsm reaches keys in PKCS#11 tokens (v2.40) through modules of the
// vendors: finding them, unlocking them, signing, ECDH, making keys. It is the
// bridge's only package that uses cgo, and the one owner of each module in the
// process.
//
// What it does about the ways in which modules fail was measured: a session is
// used by one goroutine for its life, because a shared one crashes the process;
// operations wait in one queue per token; handles are cached for one login;
// curve, mechanism and length are checked before any call into C; a key object
// survives the removal of its token, and works again after the PIN. Used by
// bridge/internal/approver, bridge/internal/signer and the keys and doctor
// commands.
package hsm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// Identity tells tokens apart. The slot's number is not in it: it changes, and
// in SoftHSM it is derived.
type Identity struct {
	Label        string
	Manufacturer string
	Model        string
	Serial       string
}

// State is a token as it is now.
type State struct {
	Identity
	Present   bool
	Locked    bool // the PIN is needed before a private key can be used
	PINLocked bool // too many wrong PINs
	FinalTry  bool // the next wrong PIN locks it
	TriesLeft int  // -1 when the token does not say
	PINPad    bool // the PIN is typed on the reader
}

// Config says which modules to load.
type Config struct {
	Modules []string      // paths
	Poll    time.Duration // how often the slots are looked at; 0: a second
	Timeout time.Duration // how long one operation may take; 0: 60 s
}

// Tokens are the tokens of some modules.
type Tokens struct {
	modules []*module
	timeout time.Duration
	stop    context.CancelFunc
	polling sync.WaitGroup

	mu       sync.Mutex
	watchers map[int]func(label string, present bool)
	next     int
}

// Open loads the modules and finds their tokens. It fails with DEVICE_ERROR
// when a module cannot be loaded.
func Open(cfg Config) (*Tokens, error) {
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	t := &Tokens{timeout: cfg.Timeout, watchers: map[int]func(string, bool){}}
	for _, path := range cfg.Modules {
		m, err := acquire(path)
		if err != nil {
			return nil, errors.Join(fault.Wrap(err, fault.DeviceFailed, fmt.Sprintf("the PKCS#11 module %s cannot be used", path)), t.Close())
		}
		if slices.Contains(t.modules, m) {
			err := fault.New(fault.Invalid, fmt.Sprintf("the PKCS#11 module %s is listed twice", path))
			return nil, errors.Join(err, m.release(), t.Close())
		}
		t.modules = append(t.modules, m)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.polling.Go(func() { t.poll(ctx, cfg.Poll) })
	return t, nil
}

// Close ends the use of the modules. Operations that are under way finish first.
func (t *Tokens) Close() error {
	if t.stop != nil {
		t.stop()
	}
	t.polling.Wait()
	var errs []error
	for _, m := range t.modules {
		errs = append(errs, m.release())
	}
	t.modules = nil
	return errors.Join(errs...)
}

func (t *Tokens) poll(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, m := range t.modules {
				t.tell(m.refresh())
			}
		}
	}
}

// Watch calls changed when a token comes or goes, until ctx ends. changed must
// not block.
func (t *Tokens) Watch(ctx context.Context, changed func(label string, present bool)) error {
	t.mu.Lock()
	id := t.next
	t.next++
	t.watchers[id] = changed
	t.mu.Unlock()
	<-ctx.Done()
	t.mu.Lock()
	delete(t.watchers, id)
	t.mu.Unlock()
	return nil
}

func (t *Tokens) tell(changes []change) {
	for _, c := range changes {
		t.mu.Lock()
		for _, w := range t.watchers {
			w(c.label, c.present)
		}
		t.mu.Unlock()
	}
}

// All lists every token that is plugged in, or was.
func (t *Tokens) All() []*Token {
	var all []*Token
	for _, m := range t.modules {
		all = append(all, m.list()...)
	}
	slices.SortFunc(all, func(a, b *Token) int { return strings.Compare(a.id.Label, b.id.Label) })
	return all
}

// State reads how the token with a label is, without looking for one that is
// missing: it may be asked often. A token that was never there is not present.
func (t *Tokens) State(label string) State {
	found := t.match(URI{Token: label})
	if len(found) == 0 {
		return State{Identity: Identity{Label: label}, Locked: true, TriesLeft: -1}
	}
	for _, k := range found {
		if k.isPresent() {
			return k.State()
		}
	}
	return found[0].State()
}

// Token finds the one token that a URI names, plugged in or not. When none that
// is plugged in matches, the modules look again, as SoftHSM must to see one that
// came back. It fails with DEVICE_NOT_FOUND, and INVALID_REQUEST when several
// match.
func (t *Tokens) Token(uri string) (*Token, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	return t.token(u)
}

func (t *Tokens) token(u URI) (*Token, error) {
	found := t.match(u)
	if !slices.ContainsFunc(found, (*Token).isPresent) {
		for _, m := range t.modules {
			t.tell(m.lookAgain(len(found) > 0))
		}
		found = t.match(u)
	}
	if len(found) > 1 {
		if present := slices.DeleteFunc(slices.Clone(found), func(k *Token) bool { return !k.isPresent() }); len(present) == 1 {
			found = present
		}
	}
	switch len(found) {
	case 0:
		return nil, missing(u.Token)
	case 1:
		return found[0], nil
	}
	return nil, fault.New(fault.Invalid, fmt.Sprintf("%d tokens match %s: add the serial number", len(found), u))
}

func (t *Tokens) match(u URI) []*Token {
	return slices.DeleteFunc(t.All(), func(k *Token) bool { return !u.matchesToken(k.id) })
}

// Key finds a key pair by its URI: the token by its label and so on, the key by
// object and id. The token must show the public half; the private half is looked
// for at the first use. It fails with DEVICE_NOT_FOUND, PIN_REQUIRED when the
// token shows nothing without it, KEY_NOT_FOUND, and INVALID_REQUEST when several
// keys match.
func (t *Tokens) Key(ctx context.Context, uri string) (keys.Key, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	token, err := t.token(u)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return token.find(ctx, u)
}
