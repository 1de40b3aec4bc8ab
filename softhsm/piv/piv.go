// Package piv is a PIV card (NIST SP 800-73-4) without a chip, for tests: PC/SC
// readers, OpenSC and every program on top of them take it for real. It has the
// four keys of a PIV card on P-256, with their certificates; a PIN that really
// blocks after too many wrong ones; the signature key 9C, which wants the PIN
// before each use; and it can be pulled out of its reader at any moment, in the
// middle of a signature too.
//
// [Card.Transmit] talks to the card directly. [Card.Dial] puts it into the
// virtual reader vpcd of the pcscd daemon (vsmartcard), and [Card.Insert] and
// [Card.Remove] are the hand at that reader. Package
// countersign/softhsm/modules starts the daemon as well.
//
// It is for tests: nothing protects its keys, and nobody has certified it.
package piv

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Slot is the reference of a key of the card.
type Slot byte

// The keys of the card. All are on P-256, and none does what another is for.
const (
	Authentication     Slot = 0x9a // signs after the PIN
	Signature          Slot = 0x9c // signs, the PIN directly before each use
	KeyManagement      Slot = 0x9d // ECDH after the PIN
	CardAuthentication Slot = 0x9e // signs, without a PIN
)

// Config describes a card. The zero value is a card as it comes.
type Config struct {
	PIN   string           // 6 to 8 digits; empty: 123456
	Tries int              // wrong PINs until it is blocked, at most 15; 0: 3
	Name  string           // of the holder, in the certificates; empty: Virtual PIV card
	Delay time.Duration    // how long the chip computes with a private key; 0: no longer than Go
	Now   func() time.Time // nil: time.Now
}

// Counters say what a card has done so far.
type Counters struct {
	Commands    int `json:"commands"` // complete commands, chained ones counted once
	Signatures  int `json:"signatures"`
	Derivations int `json:"derivations"`
	RightPINs   int `json:"right_pins"`
	WrongPINs   int `json:"wrong_pins"`
	Resets      int `json:"resets"`  // power-ups and resets
	Readers     int `json:"readers"` // connections of a reader
}

// Card is one card. Its methods may be called from several goroutines.
type Card struct {
	cfg  Config
	keys map[Slot]*key
	data map[uint32][]byte // data objects by tag, without the wrapping 53

	chip sync.Mutex // held while a command is worked on; guards applet
	applet

	mu      sync.Mutex
	count   Counters
	counted chan struct{} // closed, and another one, when count changes
	out     chan struct{} // closed when the card is pulled; nil while it is outside
	tries   int
}

// key is a private key and its certificate.
type key struct {
	private *ecdsa.PrivateKey
	cert    *x509.Certificate
}

// New makes a card with new keys. It is outside of any reader: see [Card.Insert].
func New(cfg Config) (*Card, error) {
	if cfg.PIN == "" {
		cfg.PIN = "123456"
	}
	if cfg.Tries == 0 {
		cfg.Tries = 3
	}
	if cfg.Name == "" {
		cfg.Name = "Virtual PIV card"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.PIN) < 6 || len(cfg.PIN) > 8 || strings.Trim(cfg.PIN, "0123456789") != "" {
		return nil, errors.New("piv: a PIN has 6 to 8 digits")
	}
	if cfg.Tries < 1 || cfg.Tries > 15 {
		return nil, errors.New("piv: a card allows 1 to 15 tries")
	}
	c := &Card{cfg: cfg, keys: map[Slot]*key{}, data: map[uint32][]byte{}, counted: make(chan struct{}), tries: cfg.Tries}
	for _, slot := range []Slot{Authentication, Signature, KeyManagement, CardAuthentication} {
		k, err := newKey(slot, cfg)
		if err != nil {
			return nil, fmt.Errorf("piv: make key %02X: %w", byte(slot), err)
		}
		c.keys[slot] = k
	}
	var guid [16]byte
	if _, err := rand.Read(guid[:]); err != nil {
		return nil, err
	}
	c.personalise(guid)
	return c, nil
}

// PIN is the card's PIN.
func (c *Card) PIN() string { return c.cfg.PIN }

// Name is the holder's, which OpenSC takes for the token's label.
func (c *Card) Name() string { return c.cfg.Name }

// TriesLeft is how many wrong PINs the card still takes. At 0 it is blocked.
func (c *Card) TriesLeft() int { c.mu.Lock(); defer c.mu.Unlock(); return c.tries }

// Unblock gives the card all its tries back, as its issuer could.
func (c *Card) Unblock() { c.mu.Lock(); defer c.mu.Unlock(); c.tries = c.cfg.Tries }

// Public is the public half of a key, nil for a slot that is not there.
func (c *Card) Public(slot Slot) *ecdsa.PublicKey {
	if k := c.keys[slot]; k != nil {
		return &k.private.PublicKey
	}
	return nil
}

// Certificate is the certificate of a key, nil for a slot that is not there. Each
// is signed with its own key.
func (c *Card) Certificate(slot Slot) *x509.Certificate {
	if k := c.keys[slot]; k != nil {
		return k.cert
	}
	return nil
}

// Counters says what the card has done so far.
func (c *Card) Counters() Counters { c.mu.Lock(); defer c.mu.Unlock(); return c.count }

// Await waits until the card has done what happened asks for, or ctx ends.
func (c *Card) Await(ctx context.Context, happened func(Counters) bool) error {
	for {
		c.mu.Lock()
		count, counted := c.count, c.counted
		c.mu.Unlock()
		if happened(count) {
			return nil
		}
		select {
		case <-counted:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *Card) add(n *int) { c.mu.Lock(); defer c.mu.Unlock(); c.plus(n) }

// plus is add for a caller that holds mu.
func (c *Card) plus(n *int) {
	*n++
	close(c.counted)
	c.counted = make(chan struct{})
}

// Insert puts the card into its reader. It is there already: nothing happens.
func (c *Card) Insert() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		c.out = make(chan struct{})
	}
}

// Remove pulls the card out, whatever it is doing: the reader gets no answer to
// the running command. It forgets that the PIN was given. It is outside
// already: nothing happens.
func (c *Card) Remove() {
	c.mu.Lock()
	if c.out != nil {
		close(c.out)
		c.out = nil
	}
	c.mu.Unlock()
	c.reset(false)
}

// Inserted reports whether the card is in its reader.
func (c *Card) Inserted() bool { return c.removal() != nil }

// removal is closed when the card is pulled; nil: it is outside.
func (c *Card) removal() chan struct{} { c.mu.Lock(); defer c.mu.Unlock(); return c.out }

// Dial lays the card into the virtual reader that listens at address: see [Dial].
func (c *Card) Dial(ctx context.Context, address string) error { return Dial(ctx, address, c) }

// Dial lays whichever of the cards is inserted into the virtual reader that
// listens at address (vpcd's usual port is 35963), until ctx ends: one at a time,
// and the next not sooner than a hand could. A reader that is not there is waited
// for. It fails when the reader breaks the protocol.
func Dial(ctx context.Context, address string, cards ...*Card) error {
	var d net.Dialer
	for ctx.Err() == nil {
		pause := dialAgain
		if i := slices.IndexFunc(cards, (*Card).Inserted); i >= 0 {
			if conn, err := d.DialContext(ctx, "tcp", address); err == nil {
				if err := cards[i].Run(ctx, conn); err != nil && !errors.Is(err, ErrOutside) {
					return err
				}
				pause = exchange
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

const (
	// dialAgain is how often a card, or a reader that is not there, is looked for.
	dialAgain = 20 * time.Millisecond
	// exchange is how long a reader stays empty. pcscd looks every 400 ms, and
	// would take a card that is there again, or another, for the one it knows.
	exchange = 500 * time.Millisecond
)
