package approver

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
)

// person answers prompts and remembers what was shown.
type person struct {
	mu      sync.Mutex
	confirm func(ctx context.Context, q consent.Question) error
	pin     func(ctx context.Context, q consent.PINQuestion) ([]byte, error)
	shown   []consent.Question
	pins    []consent.PINQuestion
	show    func(ctx context.Context, n consent.Notice) error
	notices []consent.Notice
	told    chan string // what became of answers
}

func (p *person) Where() string { return consent.AtTerminal }

func (p *person) Check(context.Context) error { return nil }

// Lines are what a narrow terminal would show.
func (p *person) Lines(q consent.Question) []string {
	return append([]string{"a line of this screen"}, strings.Split(strings.TrimRight(q.Text, "\n"), "\n")...)
}

func (p *person) Tell(news string) {
	select {
	case p.told <- news:
	default: // nobody listens in this test
	}
}

func (p *person) Confirm(ctx context.Context, q consent.Question) error {
	p.mu.Lock()
	p.shown = append(p.shown, q)
	do := p.confirm
	p.mu.Unlock()
	if do == nil {
		return nil
	}
	return do(ctx, q)
}

func (p *person) PIN(ctx context.Context, q consent.PINQuestion) ([]byte, error) {
	p.mu.Lock()
	p.pins = append(p.pins, q)
	do := p.pin
	p.mu.Unlock()
	if do == nil {
		return nil, fault.New(fault.Declined, "no PIN")
	}
	return do(ctx, q)
}

func (p *person) Show(ctx context.Context, n consent.Notice) error {
	p.mu.Lock()
	p.notices = append(p.notices, n)
	do := p.show
	p.mu.Unlock()
	if do == nil {
		<-ctx.Done()
		return fault.New(fault.Cancelled, "closed")
	}
	return do(ctx, n)
}

func (p *person) answer(confirm func(context.Context, consent.Question) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.confirm = confirm
}

func (p *person) questions() (shown []consent.Question, pins []consent.PINQuestion) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]consent.Question(nil), p.shown...), append([]consent.PINQuestion(nil), p.pins...)
}

// drawer holds the tokens of a test that needs no PKCS#11.
type drawer struct {
	mu      sync.Mutex
	keys    map[string]keys.Key // by URI
	devices map[string]*device.State
	pins    map[string]string
	watch   func(string, bool)
	watched chan struct{}
	reader  func(context.Context) (pin string, err error) // what is typed on the pad
	logouts int
	always  map[string]bool // keys that want the PIN at each use, by URI
}

func (d *drawer) Key(_ context.Context, uri string) (keys.Key, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := d.devices[d.Token(uri)]
	if dev == nil || !dev.Present {
		return nil, fault.New(fault.DeviceMissing, "no such token")
	}
	k, ok := d.keys[uri]
	if !ok {
		return nil, fault.New(fault.KeyMissing, "no such key")
	}
	if d.always[uri] {
		return eachUse{drawerKey: &drawerKey{Key: k, d: d, dev: dev}}, nil
	}
	return &drawerKey{Key: k, d: d, dev: dev}, nil
}

func (d *drawer) State(_ context.Context, label string) (device.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := d.devices[label]
	if dev == nil {
		return device.State{Identity: device.Identity{Label: label}}, nil
	}
	return *dev, nil
}

func (d *drawer) Present(label string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.devices[label] != nil && d.devices[label].Present
}

func (d *drawer) Login(_ context.Context, label string, pin []byte, final bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := d.devices[label]
	if dev.FinalTry && !final {
		return fault.New(fault.PINRequired, "it was not tried").With("tries_left", "1")
	}
	if string(pin) != d.pins[label] {
		dev.TriesLeft--
		dev.FinalTry = dev.TriesLeft == 1
		dev.PINLocked = dev.TriesLeft == 0
		return fault.New(fault.PINIncorrect, "the PIN is wrong").With("tries_left", fmt.Sprint(dev.TriesLeft))
	}
	dev.Locked, dev.TriesLeft, dev.FinalTry = false, 3, false
	return nil
}

func (d *drawer) Token(uri string) string { return member.Key{URI: uri}.Device() }

func (d *drawer) Name(token string) string { return token }

func (d *drawer) LoginOnReader(ctx context.Context, label string) error {
	pin, err := d.reader(ctx)
	if err != nil {
		return err
	}
	return d.Login(ctx, label, []byte(pin), true)
}

func (d *drawer) Logout(_ context.Context, label string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.devices[label].Locked = true
	d.logouts++
	return nil
}

func (d *drawer) Watch(ctx context.Context, changed func(string, bool)) error {
	d.mu.Lock()
	d.watch = changed
	d.mu.Unlock()
	close(d.watched)
	<-ctx.Done()
	return nil
}

func (d *drawer) plug(label string, present bool) {
	d.mu.Lock()
	d.devices[label].Present = present
	d.devices[label].Locked = true
	watch := d.watch
	d.mu.Unlock()
	watch(label, present)
}

// drawerKey is a key that works while its token is there and unlocked.
type drawerKey struct {
	keys.Key
	d   *drawer
	dev *device.State
}

func (k *drawerKey) state() error {
	k.d.mu.Lock()
	defer k.d.mu.Unlock()
	if !k.dev.Present {
		return fault.New(fault.DeviceRemoved, "the token was pulled")
	}
	if k.dev.Locked {
		return fault.New(fault.PINRequired, "the token is locked")
	}
	return nil
}

func (k *drawerKey) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	if err := k.state(); err != nil {
		return nil, err
	}
	return k.Key.SignDigest(ctx, digest)
}

func (k *drawerKey) ECDH(ctx context.Context, peer []byte) ([]byte, error) {
	if err := k.state(); err != nil {
		return nil, err
	}
	return k.Key.ECDH(ctx, peer)
}
