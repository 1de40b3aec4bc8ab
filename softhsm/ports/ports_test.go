//go:build unix

package ports

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
)

func TestAHeldPortIsForTheProgramThatIsToldOfItAlone(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		h, err := Hold(address)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		port := h.Numbers[0]
		for range 2 { // a program is started again
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Fatalf("the program cannot listen: %v", err)
			}
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := net.Listen("tcp", l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("a second program listens beside it: %v", err)
			}
			c.Close()
			l.Close()
		}
		if other, err := Hold(fmt.Sprintf("127.0.0.1:%d", port)); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("somebody else holds it too: %v, %v", other, err)
		}
	}
}

func TestAPortInUseIsNotHeld(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if h, err := Hold(l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v, %v", h, err)
	}
	if _, err := Hold("localhost:0"); err == nil {
		t.Error("a name was taken for an address")
	}
}

func TestWhoAsksForAnyPortGetsNoneThatIsHeld(t *testing.T) {
	t.Parallel()
	held := map[int]bool{}
	for range 50 {
		h, err := Hold("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if held[h.Numbers[0]] {
			t.Fatalf("%d is held twice", h.Numbers[0])
		}
		held[h.Numbers[0]] = true
	}
	if six, err := Hold("[::1]:0"); err == nil { // a computer without IPv6 has none
		defer six.Close()
		l, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", six.Numbers[0]))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	for range 500 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, port, _ := net.SplitHostPort(l.Addr().String()); held[atoi(port)] {
			t.Fatalf("somebody who asked for any port got %s", port)
		}
		defer l.Close()
	}
}

func atoi(s string) (n int) { fmt.Sscan(s, &n); return n }

func TestTwoPortsAreNeighboursAndHeld(t *testing.T) {
	t.Parallel()
	h, err := HoldTwo()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if len(h.Numbers) != 2 || h.Numbers[1] != h.Numbers[0]+1 {
		t.Fatalf("held are %v", h.Numbers)
	}
	next, err := HoldTwo()
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if next.Numbers[0] == h.Numbers[0] {
		t.Errorf("%v are held twice", next.Numbers)
	}
	for _, port := range h.Numbers {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Fatalf("the program cannot listen: %v", err)
		}
		l.Close()
	}
}
