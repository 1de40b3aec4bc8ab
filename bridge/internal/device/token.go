package device

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"countersign/bridge/internal/hsm"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// Device is one token, plugged in or not. It stays the same when the token is
// pulled and comes back, and when its module's process is replaced.
type Device struct {
	module *module
	id     Identity
	told   bool // what the watchers know of present; guarded by module.announcing

	mu         sync.Mutex
	number     uint32 // in the process of generation
	generation int
	present    bool
	last       *State // the last that was read since the token came
	found      map[keyName]*Key
	used       []*Key // the latest that somebody looked for, up to maxUsed
}

// keyName tells the keys of a token apart.
type keyName struct{ curve, point, label string }

// maxUsed is of how many keys it is known at once, after the PIN, what they may be
// used for.
const maxUsed = 16

// stateTime is how long a token that does something else may take to say how it
// is.
const stateTime = 2 * time.Second

func inModule() bool { return os.Getenv(childVariable) != "" }

// Identity says which token this is.
func (d *Device) Identity() Identity { return d.id }

// Module is the path of the PKCS#11 module that shows it.
func (d *Device) Module() string { return d.module.module.Path }

// Present reports whether the token is plugged in.
func (d *Device) Present() bool { return d.isPresent() }

func (d *Device) isPresent() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.present }

// become takes over what a process says of the token.
func (d *Device) become(t tokenInfo, generation int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.number, d.generation, d.present, d.last = t.Number, generation, t.Present, nil
}

func (d *Device) vanish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.present, d.last = false, nil
}

// numberIn is the token's number in the process of a generation.
func (d *Device) numberIn(generation int) (uint32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.generation != generation { // the new process has not seen it
		return 0, fault.New(fault.DeviceRemoved, fmt.Sprintf("the token %s was removed; plug it in and try again", d.id.Quoted())).With("device", d.id.Shown())
	}
	return d.number, nil
}

// ask does one call about the token.
func ask[R any](ctx context.Context, d *Device, how asking, kind byte, build func(number uint32) any) (result R, r reply, err error) {
	r, err = how(d.module, ctx, kind, func(generation int) ([]byte, error) {
		number, err := d.numberIn(generation)
		if err != nil {
			return nil, err
		}
		return encode(build(number))
	})
	if err != nil {
		return result, r, err
	}
	result, err = parse[R](r)
	return result, r, err
}

func justToken(number uint32) any { return tokenCall{number} }

// nothing is the result of a call that has none.
type nothing struct{}

// parse reads a result; one that is not in the grammar says that the engine cannot
// be trusted any more.
func parse[R any](r reply) (result R, err error) {
	if len(r.body) == 0 {
		return result, nil
	}
	if result, err = decode[R](r.body); err != nil {
		return result, distrust(r.from, err)
	}
	return result, nil
}

func distrust(e engine, err error) error {
	e.kill(err)
	return failed(err, "the driver of the token answered garbage and is started again")
}

// State reads how the token is now. While it does something else, such as waiting
// for a PIN on its reader, it may not say: then it is as it was last.
func (d *Device) State(ctx context.Context) State {
	gone := State{Identity: d.id, Locked: true, TriesLeft: -1}
	if !d.isPresent() || !d.module.isUp() { // do not wait for a process that is being replaced
		return gone
	}
	asked, cancel := context.WithTimeout(ctx, stateTime)
	defer cancel()
	s, _, err := ask[State](asked, d, (*module).read, opState, justToken)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil && s.Identity == d.id:
		if s.Present && d.present {
			d.last = &s
		}
		return s
	case !d.present || fault.CodeOf(err) == fault.DeviceRemoved || fault.CodeOf(err) == fault.ModuleFailed:
	case d.last != nil: // that it could not be asked does not say that it is gone
		return *d.last
	case err != nil:
		gone.Present = true
	}
	return gone
}

// note keeps what a login or a logout did.
func (d *Device) note(locked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		s := *d.last
		s.Locked = locked
		d.last = &s
	}
}

// Login unlocks the token's private keys for the bridge. That is not an
// authorization of whoever asked. A PIN that cannot be right by its length is not
// tried, none is tried twice, and the last try is not made unless final says that
// the person knows it may lock the token. When the token is unlocked already, it
// is locked first, so that the PIN is checked. It fails with PIN_INCORRECT
// (tries_left where the token tells), PIN_LOCKED, PIN_REQUIRED when only the last
// try is left and final is not set, DEVICE_REMOVED, DEVICE_ERROR, MODULE_FAILED.
func (d *Device) Login(ctx context.Context, pin []byte, final bool) error {
	mode := pinTyped
	if final {
		mode = pinFinal
	}
	return d.login(ctx, mode, pin)
}

// LoginOnReader is Login with the PIN typed on the reader's pad
// (CKF_PROTECTED_AUTHENTICATION_PATH). It fails with DECLINED when it was cancelled
// there.
func (d *Device) LoginOnReader(ctx context.Context) error { return d.login(ctx, pinPad, nil) }

func (d *Device) login(ctx context.Context, mode byte, pin []byte) error {
	if len(pin) > maxPIN {
		return fault.New(fault.PINIncorrect, fmt.Sprintf("a PIN has at most %d bytes; it was not tried", maxPIN)).With("device", d.id.Shown())
	}
	var body []byte
	defer func() { clear(body) }()
	_, err := d.module.act(ctx, opLogin, func(generation int) ([]byte, error) {
		number, err := d.numberIn(generation)
		body = loginBody(number, mode, pin)
		return body, err
	})
	if err != nil {
		return err
	}
	d.note(false)
	d.learn(ctx)
	return nil
}

// learn reads again what the token shows of its keys once it is unlocked.
func (d *Device) learn(ctx context.Context) {
	d.mu.Lock()
	used := slices.Clone(d.used)
	d.mu.Unlock()
	for _, k := range used {
		_, _, _ = k.resolve(ctx, true) // what is wrong with a key shows at its use
	}
}

// Logout locks the token again, for all who use it.
func (d *Device) Logout(ctx context.Context) error {
	d.note(true)
	_, _, err := ask[nothing](ctx, d, (*module).act, opLogout, justToken)
	return err
}

// Listing is what a token shows.
type Listing struct {
	Keys []*Key
	// Omitted are objects that were left out, and why: one bad object costs no other.
	Omitted []Omitted
	// Doubts are public keys of a locked token that may have no private half: the
	// bridge believes none of them until it has proven itself.
	Doubts []Omitted
}

// Omitted is an object that was left out of a list.
type Omitted = hsm.Omitted

// Keys lists the key pairs on secp256k1 and P-256. While the token is locked these
// are the public halves that it shows, which may be anybody's; a token that hides
// them shows none.
func (d *Device) Keys(ctx context.Context) (Listing, error) {
	list, r, err := ask[keyList](ctx, d, (*module).read, opKeys, justToken)
	if err != nil {
		return Listing{}, err
	}
	all := Listing{Keys: make([]*Key, 0, len(list.Keys)), Omitted: list.Omitted, Doubts: list.Doubts}
	for _, i := range list.Keys {
		k, err := d.key(i, r)
		if err != nil {
			return Listing{}, err
		}
		all.Keys = append(all.Keys, k)
	}
	return all, nil
}

func (d *Device) find(ctx context.Context, u URI) (*Key, error) {
	info, r, err := d.look(ctx, u, jws.PublicKey{})
	if err != nil {
		return nil, err
	}
	return d.use(d.key(info, r))
}

// look has the process find a key: want, or when it is zero any that matches.
func (d *Device) look(ctx context.Context, u URI, want jws.PublicKey) (keyInfo, reply, error) {
	u.PINSource = ""
	return ask[keyInfo](ctx, d, (*module).read, opFind, func(number uint32) any {
		c := findCall{Token: number, URI: u.String(), Curve: want.Curve()}
		if !want.IsZero() {
			c.Want = want.Compressed()
		}
		return c
	})
}

// use notes that somebody looked for a key.
func (d *Device) use(k *Key, err error) (*Key, error) {
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.used, k) {
		d.used = append(d.used[max(0, len(d.used)-maxUsed+1):], k)
	}
	return k, nil
}

// key is the Key for what a process told: the same one for the same key.
func (d *Device) key(i keyInfo, r reply) (*Key, error) {
	public, err := i.public(r)
	if err != nil {
		return nil, err
	}
	name := keyName{i.Curve, string(public.Compressed()), string(i.Label)}
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.found[name]
	if k == nil {
		if d.found == nil {
			d.found = map[keyName]*Key{}
		}
		k = &Key{device: d, public: public, name: string(i.Label), id: string(i.ID)}
		d.found[name] = k
	}
	k.learn(i, r.generation)
	return k, nil
}

// public is the public half of a key that a process told, which it had checked.
func (i keyInfo) public(r reply) (jws.PublicKey, error) {
	public, err := jws.FromSEC1(i.Curve, i.Point)
	if err != nil {
		return public, distrust(r.from, fmt.Errorf("%w: %w", errGarbage, err))
	}
	return public, nil
}

// drop forgets a key that was deleted.
func (d *Device) drop(k *Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.found, keyName{k.public.Curve(), string(k.public.Compressed()), k.name})
	d.used = slices.DeleteFunc(d.used, func(u *Key) bool { return u == k })
}

// Generate makes a key pair in the token; the private half never leaves it. It
// fails with CONFLICT when the label is taken, KEY_UNSUITED, PIN_REQUIRED,
// DEVICE_REMOVED, and DEVICE_ERROR, MODULE_FAILED, CANCELLED and TIMEOUT: a key may
// have been made then.
func (d *Device) Generate(ctx context.Context, t Template) (keys.Key, error) {
	if !utf8.ValidString(t.Label) {
		return nil, fault.New(fault.Invalid, "the label of a key is text: UTF-8")
	}
	info, r, err := ask[keyInfo](ctx, d, (*module).act, opMake, func(number uint32) any { return makeCall{number, t} })
	if err != nil {
		return nil, err
	}
	k, err := d.use(d.key(info, r))
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Mechanisms lists the numbers of the token's mechanisms (PKCS #11 v2.40, CKM_…).
func (d *Device) Mechanisms(ctx context.Context) ([]uint, error) {
	list, _, err := ask[[]uint](ctx, d, (*module).read, opMechanisms, justToken)
	return list, err
}

// Curves tries which curves the token makes keys on, of secp256k1 and P-256, with
// keys that live for a moment. It must be unlocked. An error says nothing about
// curves: not every token makes such keys.
func (d *Device) Curves(ctx context.Context) ([]string, error) {
	list, _, err := ask[[]string](ctx, d, (*module).act, opCurves, justToken)
	return list, err
}

// Data reads the private data object with a label; nil when there is none. The
// token must be unlocked.
func (d *Device) Data(ctx context.Context, label string) ([]byte, error) {
	data, _, err := ask[[]byte](ctx, d, (*module).read, opData, func(number uint32) any { return dataCall{Token: number, Label: label} })
	return data, err
}

// PutData writes a private data object, over an older one with the same label,
// such that a power cut leaves one or the other.
func (d *Device) PutData(ctx context.Context, label string, data []byte) error {
	_, _, err := ask[nothing](ctx, d, (*module).act, opPutData, func(number uint32) any { return dataCall{number, label, data} })
	return err
}
