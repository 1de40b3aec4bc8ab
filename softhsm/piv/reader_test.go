package piv_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"countersign/softhsm/piv"
)

// listenReader is a reader that waits for cards, as vpcd is one.
func listenReader(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

func message(b ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// exchange sends a message in two pieces, as vpcd does, and reads the reply.
func exchange(conn net.Conn, b ...byte) ([]byte, error) {
	m := message(b...)
	if _, err := conn.Write(m[:2]); err != nil {
		return nil, err
	}
	if _, err := conn.Write(m[2:]); err != nil {
		return nil, err
	}
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(conn, reply)
	return reply, err
}

func TestACardLiesInAReaderUntilItIsPulledAndAgainAfterwards(t *testing.T) {
	t.Parallel()
	reader := listenReader(t)
	card := newCard(t, piv.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	dialled := make(chan error, 1)
	go func() { dialled <- card.Dial(ctx, reader.Addr().String()) }()
	for range 3 {
		card.Insert()
		card.Insert() // it is there already
		conn, err := reader.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(message(1)); err != nil { // power on
			t.Fatal(err)
		}
		atr, err := exchange(conn, 4)
		if err != nil || len(atr) < 2 || atr[0] != 0x3b {
			t.Fatalf("ATR %x, %v", atr, err)
		}
		check := byte(0)
		for _, b := range atr[1:] {
			check ^= b
		}
		if check != 0 {
			t.Errorf("the ATR's check byte is wrong: %x", atr)
		}
		if a, err := exchange(conn, 0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8, 0); err != nil || a[len(a)-2] != 0x90 {
			t.Errorf("select: %x, %v", a, err)
		}
		card.Remove()
		if _, err := exchange(conn, 4); err == nil {
			t.Error("a card that was pulled answered")
		}
		_ = conn.Close()
	}
	if n := card.Counters(); n.Readers != 3 || n.Resets != 3 {
		t.Errorf("counters: %+v", n)
	}
	cancel()
	if err := <-dialled; err != nil {
		t.Error(err)
	}
}

func TestACardThatIsPulledWhileItSignsAnswersNothing(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{Delay: time.Hour})
	card.Insert()
	ours, theirs := net.Pipe()
	ran := make(chan error, 1)
	go func() { ran <- card.Run(t.Context(), theirs) }()
	for _, c := range []string{selectPIV, verify("123456")} {
		if _, err := exchange(ours, unhex(t, c)...); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan error, 1)
	go func() {
		_, err := exchange(ours, unhex(t, use(piv.Authentication, 0x81, digest[:]))...)
		answered <- err
	}()
	if err := card.Await(t.Context(), func(n piv.Counters) bool { return n.Commands == 3 }); err != nil { // it computes
		t.Fatal(err)
	}
	card.Remove()
	if err := <-answered; err == nil {
		t.Error("the pulled card answered")
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if n := card.Counters().Signatures; n != 0 {
		t.Errorf("%d signatures", n)
	}
}

func TestPowerAndResetAreSeenByTheCard(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{})
	card.Insert()
	ours, theirs := net.Pipe()
	ran := make(chan error, 1)
	go func() { ran <- card.Run(t.Context(), theirs) }()
	sign := unhex(t, use(piv.Authentication, 0x81, digest[:]))
	for _, control := range []byte{0, 1, 2} {
		for _, c := range []string{selectPIV, verify("123456"), use(piv.Authentication, 0x81, digest[:])} {
			if a, err := exchange(ours, unhex(t, c)...); err != nil || a[len(a)-2] != 0x90 {
				t.Fatalf("%s: %x, %v", c, a, err)
			}
		}
		if _, err := ours.Write(message(control)); err != nil {
			t.Fatal(err)
		}
		if a, err := exchange(ours, sign...); err != nil || a[len(a)-2] == 0x90 {
			t.Errorf("after control %d it signs without a PIN: %x, %v", control, a, err)
		}
	}
	_ = ours.Close()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	card.Remove()
	if err := card.Run(t.Context(), theirs); !errors.Is(err, piv.ErrOutside) {
		t.Errorf("run outside: %v, want ErrOutside", err)
	}
}

func TestAReaderThatBreaksTheProtocolIsAnError(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{"empty": {0, 0}, "longer than any command": {0x01, 0x06, 0}, "cut short": {0, 5, 0}} {
		card := newCard(t, piv.Config{})
		card.Insert()
		ours, theirs := net.Pipe()
		go func() {
			_, _ = ours.Write(b)
			_ = ours.Close()
		}()
		if err := card.Run(t.Context(), theirs); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzReader sends any bytes as a reader: the card answers whole messages, and
// hangs up on what is none.
func FuzzReader(f *testing.F) {
	f.Add(append(message(1), message(4)...))
	f.Add(message(0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8))
	f.Add([]byte{0xff, 0xff, 0})
	card, err := piv.New(piv.Config{})
	if err != nil {
		f.Fatal(err)
	}
	card.Insert()
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = ours.Write(b)
			_ = ours.Close()
		}()
		read := make(chan error, 1)
		go func() {
			r := bufio.NewReader(ours)
			var head [2]byte
			for {
				if _, err := io.ReadFull(r, head[:]); err != nil {
					read <- nil
					return
				}
				if n := binary.BigEndian.Uint16(head[:]); n < 2 || n > 258 {
					read <- errors.New("a reply that no reader understands")
					return
				} else if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
					read <- nil
					return
				}
			}
		}()
		_ = card.Run(t.Context(), theirs) // an error is its right
		if err := <-read; err != nil {
			t.Fatal(err)
		}
	})
}
