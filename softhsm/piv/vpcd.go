package piv

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// ErrOutside says that the card is not in its reader.
var ErrOutside = errors.New("piv: the card is outside of its reader")

// The control messages of vpcd: those of one byte.
const (
	powerOff = 0
	powerOn  = 1
	resetIt  = 2
	getATR   = 4
)

// atr is the answer to reset: T=1, no more than the card's name behind it.
var atr = withCheck([]byte{0x3b, 0x85, 0x80, 0x01, 'C', 'S', 'P', 'I', 'V'})

// withCheck appends TCK, the exclusive or of all bytes after the first.
func withCheck(b []byte) []byte {
	check := byte(0)
	for _, x := range b[1:] {
		check ^= x
	}
	return append(b, check)
}

// Run is the card in one reader: it speaks vpcd's protocol on conn until the card
// is pulled, the reader hangs up or ctx ends, and closes conn. A message is two
// bytes of length, big-endian, and its payload. Only a reader that breaks the
// protocol is an error, and a card that is outside ([ErrOutside]).
func (c *Card) Run(ctx context.Context, conn net.Conn) error {
	defer func() { _ = conn.Close() }()
	out := c.removal()
	if out == nil {
		return ErrOutside
	}
	c.add(&c.count.Readers)
	defer c.reset(false)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-out:
		case <-ctx.Done():
		case <-ended:
		}
		_ = conn.Close()
	}()
	err := c.talk(conn, out)
	if ctx.Err() != nil || gone(out) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func gone(out <-chan struct{}) bool {
	select {
	case <-out:
		return true
	default:
		return false
	}
}

func (c *Card) talk(conn net.Conn, out <-chan struct{}) error {
	for {
		message, err := readMessage(prompt{conn})
		if err != nil {
			return err
		}
		reply, there := c.react(message, out)
		if !there || gone(out) { // pulled, and its connection not yet closed
			return nil
		}
		if reply == nil {
			continue
		}
		if err := writeMessage(conn, reply); err != nil {
			return err
		}
	}
}

// prompt is a connection that acknowledges at once what it received. vpcd sends a
// message in two pieces, and waits for the acknowledgement of the first: delayed,
// that costs 44 ms for each command.
type prompt struct{ net.Conn }

func (p prompt) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	hurry(p.Conn)
	return n, err
}

// react handles a message; a nil reply is none.
func (c *Card) react(message []byte, out <-chan struct{}) (reply []byte, there bool) {
	if len(message) != 1 {
		return c.transmit(message, out)
	}
	switch message[0] {
	case powerOff:
		c.reset(false)
	case powerOn, resetIt:
		c.reset(true)
	case getATR:
		return atr, true
	}
	return nil, true // what vpcd has not defined yet needs no reply
}

// readMessage reads a message. One that is longer than any APDU is an error
// before its payload is read.
func readMessage(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(head[:])
	if n == 0 || n > maxAPDU {
		return nil, errors.New("piv: the reader sent a message that is not an APDU")
	}
	message := make([]byte, n)
	if _, err := io.ReadFull(r, message); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return message, nil
}

func writeMessage(w io.Writer, reply []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	return err
}
