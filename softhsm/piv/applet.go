package piv

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/subtle"
	"time"
)

// The instructions of the card.
const (
	insVerify       = 0x20
	insAuthenticate = 0x87
	insSelect       = 0xa4
	insGetResponse  = 0xc0
	insGetData      = 0xcb
)

// applet is what the card forgets when it is reset.
type applet struct {
	selected bool
	verified bool
	fresh    bool     // the last command was a right PIN
	chain    *command // a command whose last part is missing
	pending  []byte   // of an answer, for GET RESPONSE
}

// reset is what power and the reset line do: the card forgets the PIN.
func (c *Card) reset(up bool) {
	c.chip.Lock()
	defer c.chip.Unlock()
	c.applet = applet{}
	if up {
		c.add(&c.count.Resets)
	}
}

// Transmit is one command to the card and its answer, as a reader exchanges
// them. It works in and out of a reader.
func (c *Card) Transmit(apdu []byte) []byte {
	b, _ := c.transmit(apdu, nil)
	return b
}

// transmit fails when the card is pulled while it computes.
func (c *Card) transmit(apdu []byte, out <-chan struct{}) ([]byte, bool) {
	c.chip.Lock()
	defer c.chip.Unlock()
	cmd, err := parse(apdu)
	if err != nil {
		c.chain, c.pending, c.fresh = nil, nil, false
		return answer(nil, wrongLength), true
	}
	whole, s := c.collect(cmd)
	if whole == nil {
		return answer(nil, s), true
	}
	c.add(&c.count.Commands)
	if whole.ins == insGetResponse {
		return c.more(*whole), true
	}
	c.pending = nil
	fresh := c.fresh
	c.fresh = false
	data, s, there := c.execute(*whole, fresh, out)
	if !there {
		return nil, false
	}
	if s != ok {
		return answer(nil, s), true
	}
	c.pending = data
	return c.more(*whole), true
}

// collect puts the parts of a chained command together. It returns nil while
// there are more to come, and when something is wrong with this one.
func (c *Card) collect(cmd command) (*command, status) {
	chain := c.chain
	c.chain = nil
	switch {
	case cmd.cla&0xe0 != 0:
		return nil, badClass
	case cmd.cla&0x0c != 0:
		return nil, noSecureMessaging
	case cmd.cla&0x03 != 0:
		return nil, noChannels
	}
	if chain != nil {
		if chain.ins != cmd.ins || chain.p1 != cmd.p1 || chain.p2 != cmd.p2 {
			return nil, lastOfChainMissing
		}
		if len(chain.data)+len(cmd.data) > maxChain {
			return nil, wrongLength
		}
		chain.data = append(chain.data, cmd.data...)
		chain.le = cmd.le
	} else {
		cmd.data = bytes.Clone(cmd.data)
		chain = &cmd
	}
	if cmd.cla&0x10 != 0 {
		c.chain = chain
		return nil, ok
	}
	return chain, ok
}

// more answers with as much of what is pending as was asked for.
func (c *Card) more(cmd command) []byte {
	if cmd.ins == insGetResponse && (c.pending == nil || cmd.p1 != 0 || cmd.p2 != 0 || len(cmd.data) != 0) {
		return answer(nil, badParameters)
	}
	n := min(len(c.pending), cmd.le)
	data, rest := c.pending[:n], c.pending[n:]
	c.pending = rest
	if len(rest) == 0 {
		c.pending = nil
		return answer(data, ok)
	}
	left := min(len(rest), 0x100)
	return answer(data, moreData|status(left&0xff))
}

// execute runs a complete command. there is false when the card was pulled.
func (c *Card) execute(cmd command, fresh bool, out <-chan struct{}) (data []byte, s status, there bool) {
	if cmd.ins == insSelect {
		data, s = c.choose(cmd)
		return data, s, true
	}
	if !c.selected {
		return nil, badInstruction, true
	}
	switch cmd.ins {
	case insGetData:
		data, s = c.get(cmd)
	case insVerify:
		s = c.verify(cmd)
	case insAuthenticate:
		return c.authenticate(cmd, fresh, out)
	default:
		s = badInstruction
	}
	return data, s, true
}

// choose is SELECT. Selecting the application again keeps the PIN's status.
func (c *Card) choose(cmd command) ([]byte, status) {
	if cmd.p1 != 4 || cmd.p2 != 0 {
		return nil, badParameters
	}
	if len(cmd.data) < len(rid) || !bytes.HasPrefix(aid, cmd.data) {
		return nil, notFound
	}
	c.selected = true
	return tlv(0x61, tlv(0x4f, aid[len(rid):]), tlv(0x79, tlv(0x4f, rid)), tlv(0x50, []byte("Countersign virtual PIV")),
		tlv(0xac, tlv(0x80, []byte{algorithmP256}), tlv(0x06, []byte{0}))), ok
}

// get is GET DATA.
func (c *Card) get(cmd command) ([]byte, status) {
	if cmd.p1 != 0x3f || cmd.p2 != 0xff {
		return nil, badParameters
	}
	list, err := elements(cmd.data)
	if err != nil || len(list) != 1 || list[0].tag != 0x5c || len(list[0].value) == 0 || len(list[0].value) > 3 {
		return nil, badData
	}
	tag := uint32(0)
	for _, b := range list[0].value {
		tag = tag<<8 | uint32(b)
	}
	object, found := c.data[tag]
	switch {
	case !found:
		return nil, notFound
	case tag == tagDiscovery: // the one that brings its own tag
		return tlv(tagDiscovery, object), ok
	}
	return tlv(0x53, object), ok
}

// verify is VERIFY: gives a PIN, asks for the tries left, or forgets the PIN.
func (c *Card) verify(cmd command) status {
	if cmd.p2 != 0x80 {
		return noReference
	}
	if cmd.p1 == 0xff && len(cmd.data) == 0 {
		c.verified = false
		return ok
	}
	if cmd.p1 != 0 {
		return badParameters
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	left := func() status {
		if c.tries == 0 {
			return blocked
		}
		return wrongPIN | status(c.tries)
	}
	switch {
	case len(cmd.data) == 0 && c.verified:
		return ok
	case len(cmd.data) == 0, c.tries == 0:
		return left()
	case !wellFormed(cmd.data):
		return badData // it is not a PIN, and costs no try
	}
	if subtle.ConstantTimeCompare(cmd.data, padded(c.cfg.PIN)) == 1 {
		c.verified, c.fresh, c.tries = true, true, c.cfg.Tries
		c.plus(&c.count.RightPINs)
		return ok
	}
	c.verified = false
	c.tries--
	c.plus(&c.count.WrongPINs)
	return left()
}

// padded is a PIN as it is sent: eight bytes, the unused ones FF.
func padded(pin string) []byte {
	return append([]byte(pin), bytes.Repeat([]byte{0xff}, 8-len(pin))...)
}

func wellFormed(pin []byte) bool {
	if len(pin) != 8 {
		return false
	}
	digits := bytes.TrimRight(pin, "\xff")
	return len(digits) >= 6 && len(bytes.Trim(digits, "0123456789")) == 0
}

const algorithmP256 = 0x11

// authenticate is GENERAL AUTHENTICATE: a signature or ECDH.
func (c *Card) authenticate(cmd command, fresh bool, out <-chan struct{}) (data []byte, s status, there bool) {
	slot := Slot(cmd.p2)
	k := c.keys[slot]
	switch {
	case k == nil || cmd.p1 != algorithmP256:
		return nil, badParameters, true
	case slot != CardAuthentication && !c.verified, slot == Signature && !fresh:
		return nil, securityStatus, true
	}
	outer, err := elements(cmd.data)
	if err != nil || len(outer) != 1 || outer[0].tag != 0x7c {
		return nil, badData, true
	}
	inner, err := elements(outer[0].value)
	if err != nil || len(inner) != 2 {
		return nil, badData, true
	}
	var input element
	for _, e := range inner {
		if e.tag != 0x82 {
			input = e
		} else if len(e.value) != 0 {
			return nil, badData, true
		}
	}
	if !c.compute(out) {
		return nil, ok, false
	}
	if slot == KeyManagement {
		data, err = c.derive(k, input)
	} else {
		data, err = c.sign(k, input)
	}
	if err != nil {
		return nil, badData, true
	}
	return tlv(0x7c, tlv(0x82, data)), ok, true
}

// compute takes the time that a chip takes; false: the card was pulled.
func (c *Card) compute(out <-chan struct{}) bool {
	if c.cfg.Delay == 0 {
		return true
	}
	timer := time.NewTimer(c.cfg.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-out:
		return false
	}
}

// sign signs a digest of 32 bytes, and answers in DER.
func (c *Card) sign(k *key, input element) ([]byte, error) {
	if input.tag != 0x81 || len(input.value) != 32 {
		return nil, errTLV
	}
	c.add(&c.count.Signatures)
	return ecdsa.SignASN1(rand.Reader, k.private, input.value)
}

// derive answers with the x-coordinate that the peer's uncompressed point gives.
func (c *Card) derive(k *key, input element) ([]byte, error) {
	if input.tag != 0x85 {
		return nil, errTLV
	}
	peer, err := ecdh.P256().NewPublicKey(input.value)
	if err != nil {
		return nil, err
	}
	private, err := k.private.ECDH()
	if err != nil {
		return nil, err
	}
	c.add(&c.count.Derivations)
	return private.ECDH(peer)
}
