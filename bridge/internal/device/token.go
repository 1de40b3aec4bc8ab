package device

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// Device is one token, plugged in or not. It stays the same when the token is
// pulled and comes back, and when its module's process is replaced.
type Device struct {
	module *module
	id     Identity

	mu         sync.Mutex
	number     uint32 // in the process of generation
	generation int
	present    bool
	found      []*Key
}

func inModule() bool { return os.Getenv(childVariable) != "" }

// Identity says which token this is.
func (d *Device) Identity() Identity { return d.id }

// Present reports whether the token is plugged in.
func (d *Device) Present() bool { return d.isPresent() }

func (d *Device) isPresent() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.present }

// become takes over what a process says of the token; news is whether it came or
// went.
func (d *Device) become(t tokenInfo, generation int) (news bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news = d.present != t.Present
	d.number, d.generation, d.present = t.Number, generation, t.Present
	return news
}

func (d *Device) vanish() (news bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news = d.present
	d.present = false
	return news
}

// numberIn is the token's number in the process of a generation.
func (d *Device) numberIn(generation int) (uint32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.generation != generation { // the new process has not seen it
		return 0, fault.New(fault.DeviceRemoved, fmt.Sprintf("the token %q was removed; plug it in and try again", d.id.Label)).With("device", d.id.Label)
	}
	return d.number, nil
}

// read does a call about the token that changes nothing.
func read[R any](ctx context.Context, d *Device, kind byte, build func(number uint32) any) (r R, err error) {
	result, _, _, err := d.module.read(ctx, kind, func(_ engine, generation int) ([]byte, error) {
		number, err := d.numberIn(generation)
		if err != nil {
			return nil, err
		}
		return encode(build(number))
	})
	if err != nil {
		return r, err
	}
	return result1[R](d, result)
}

// act does a call that may change something: once.
func act[R any](ctx context.Context, d *Device, kind byte, build func(number uint32) any) (r R, generation int, err error) {
	e, generation, err := d.module.current(ctx)
	if err != nil {
		return r, 0, err
	}
	number, err := d.numberIn(generation)
	if err != nil {
		return r, 0, err
	}
	body, err := encode(build(number))
	if err != nil {
		return r, 0, err
	}
	result, err := d.module.act(ctx, e, kind, body)
	if err != nil {
		return r, 0, err
	}
	r, err = result1[R](d, result)
	return r, generation, err
}

// nothing is the result of a call that has none.
type nothing struct{}

// result1 reads a result; one that is not in the grammar says that the module's
// process cannot be trusted any more.
func result1[R any](d *Device, result []byte) (r R, err error) {
	if len(result) == 0 {
		return r, nil
	}
	if r, err = decode[R](result); err != nil {
		return r, d.distrust(err)
	}
	return r, nil
}

func (d *Device) distrust(err error) error {
	m := d.module
	m.mu.Lock()
	e := m.engine
	m.last = err
	m.mu.Unlock()
	if e != nil {
		e.kill(err)
	}
	return m.failed("the driver of the token answered garbage and is started again")
}

func justToken(number uint32) any { return tokenCall{number} }

// State reads how the token is now.
func (d *Device) State(ctx context.Context) State {
	gone := State{Identity: d.id, Locked: true, TriesLeft: -1}
	d.module.mu.Lock()
	up := d.module.engine != nil
	d.module.mu.Unlock()
	if !d.isPresent() || !up { // do not wait for a process that is being replaced
		return gone
	}
	s, err := read[State](ctx, d, opState, justToken)
	if err != nil || s.Identity != d.id {
		return gone
	}
	return s
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
	e, generation, err := d.module.current(ctx)
	if err != nil {
		return err
	}
	number, err := d.numberIn(generation)
	if err != nil {
		return err
	}
	body := loginBody(number, mode, pin)
	defer clear(body)
	if _, err := d.module.act(ctx, e, opLogin, body); err != nil {
		return err
	}
	d.learn(ctx)
	return nil
}

// learn reads again what the token shows of its keys once it is unlocked.
func (d *Device) learn(ctx context.Context) {
	d.mu.Lock()
	known := slices.Clone(d.found)
	d.mu.Unlock()
	for _, k := range known[:min(len(known), maxMet)] {
		_, _, _ = k.resolve(ctx, true) // what is wrong with a key shows at its use
	}
}

// Logout locks the token again, for everybody.
func (d *Device) Logout(ctx context.Context) error {
	_, _, err := act[nothing](ctx, d, opLogout, justToken)
	return err
}

// Keys lists the key pairs on secp256k1 and P-256 whose public half the token
// shows. A token that hides them until it is unlocked shows none before.
func (d *Device) Keys(ctx context.Context) ([]keys.Key, error) {
	e, generation, err := d.module.current(ctx)
	if err != nil {
		return nil, err
	}
	number, err := d.numberIn(generation)
	if err != nil {
		return nil, err
	}
	body, err := encode(tokenCall{number})
	if err != nil {
		return nil, err
	}
	result, err := d.module.act(ctx, e, opKeys, body)
	if err != nil {
		return nil, err
	}
	infos, err := result1[[]keyInfo](d, result)
	if err != nil {
		return nil, err
	}
	all := make([]keys.Key, 0, len(infos))
	for _, i := range infos {
		k, err := d.key(i, generation)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

func (d *Device) find(ctx context.Context, u URI) (keys.Key, error) {
	result, _, generation, err := d.module.read(ctx, opFind, func(_ engine, generation int) ([]byte, error) {
		number, err := d.numberIn(generation)
		if err != nil {
			return nil, err
		}
		return encode(findCall{number, u.String()})
	})
	if err != nil {
		return nil, err
	}
	info, err := result1[keyInfo](d, result)
	if err != nil {
		return nil, err
	}
	return d.key(info, generation)
}

// key is the Key for what a process told: the same one for the same key.
func (d *Device) key(i keyInfo, generation int) (*Key, error) {
	public, err := jws.FromSEC1(i.Curve, i.Point)
	if err != nil {
		return nil, d.distrust(fmt.Errorf("%w: %w", errGarbage, err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.found {
		if k.public.Equal(public) && k.name == i.Label {
			k.learn(i, generation)
			return k, nil
		}
	}
	k := &Key{device: d, public: public, name: i.Label, id: string(i.ID)}
	k.learn(i, generation)
	d.found = append(d.found, k)
	return k, nil
}

// Generate makes a key pair in the token; the private half never leaves it. It
// fails with CONFLICT when the label is taken, KEY_UNSUITED, PIN_REQUIRED,
// DEVICE_REMOVED, DEVICE_ERROR and MODULE_FAILED: a key may have been made then.
func (d *Device) Generate(ctx context.Context, t Template) (keys.Key, error) {
	info, generation, err := act[keyInfo](ctx, d, opMake, func(number uint32) any { return makeCall{number, t} })
	if err != nil {
		return nil, err
	}
	return d.key(info, generation)
}

// Mechanisms lists the numbers of the token's mechanisms (PKCS #11 v2.40, CKM_…).
func (d *Device) Mechanisms(ctx context.Context) ([]uint, error) {
	return read[[]uint](ctx, d, opMechanisms, justToken)
}

// Curves tries which curves the token makes keys on, of secp256k1 and P-256, with
// keys that live for a moment. It must be unlocked. An error says nothing about
// curves: not every token makes such keys.
func (d *Device) Curves(ctx context.Context) ([]string, error) {
	return read[[]string](ctx, d, opCurves, justToken)
}

// Data reads the private data object with a label; nil when there is none. The
// token must be unlocked.
func (d *Device) Data(ctx context.Context, label string) ([]byte, error) {
	return read[[]byte](ctx, d, opData, func(number uint32) any { return dataCall{Token: number, Label: label} })
}

// PutData writes a private data object, over an older one with the same label,
// such that a power cut leaves one or the other.
func (d *Device) PutData(ctx context.Context, label string, data []byte) error {
	_, _, err := act[nothing](ctx, d, opPutData, func(number uint32) any { return dataCall{number, label, data} })
	return err
}
