package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"countersign/softhsm/ports"
)

// free is a port of both addresses that nobody else gets until the test ends.
func free(t *testing.T) int {
	t.Helper()
	for {
		four, err := ports.Hold("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { four.Close() })
		six, err := ports.Hold(fmt.Sprintf("[::1]:%d", four.Numbers[0]))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue // there it is somebody's
		}
		if err == nil { // a computer without IPv6 has none to hold
			t.Cleanup(func() { six.Close() })
		}
		return four.Numbers[0]
	}
}

// hold takes a port on an address until the test ends.
func hold(t *testing.T, address string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func addresses(all []net.Listener) string {
	var s []string
	for _, l := range all {
		s = append(s, l.Addr().String())
	}
	return strings.Join(s, " ")
}

func TestTheFirstPortThatIsFreeOnBothAddressesIsTaken(t *testing.T) {
	t.Parallel()
	a, b, c := hold(t, "127.0.0.1"), hold(t, "::1"), free(t)
	var log bytes.Buffer
	l, err := ListenFirst(t.Context(), Ports{Try: []int{a, b, c}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(l)
	if got, want := addresses(l), fmt.Sprintf("127.0.0.1:%d [::1]:%d", c, c); got != want {
		t.Errorf("listening on %s, want %s", got, want)
	}
	for _, skipped := range []int{a, b} {
		if !strings.Contains(log.String(), fmt.Sprint("port=", skipped)) {
			t.Errorf("nothing is said about port %d: %s", skipped, &log)
		}
	}
}

func TestAPortThatIsTakenIsExplained(t *testing.T) {
	t.Parallel()
	a, b := hold(t, "127.0.0.1"), hold(t, "127.0.0.1")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	us := fmt.Sprintf("%s (pid %d) of ", exe, os.Getpid())
	if _, err := ListenFirst(t.Context(), Ports{Try: []int{a, b}}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("taken are %d by %s", a, us)) || !strings.Contains(err.Error(), fmt.Sprintf(", %d by %s", b, us)) {
		t.Errorf("all are taken: %v", err)
	}
	if _, err := Listen(t.Context(), []string{fmt.Sprint("127.0.0.1:", a)}); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "taken by "+us) {
		t.Errorf("the configured one is taken: %v", err)
	}
}

func TestWithoutIPv6TheBridgeListensOnIPv4(t *testing.T) {
	t.Parallel()
	for _, missing := range []error{syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT} {
		var log bytes.Buffer
		l, err := ListenFirst(t.Context(), Ports{Try: []int{0}, Log: slog.New(slog.NewTextHandler(&log, nil)), open: func(ctx context.Context, addresses []string) ([]net.Listener, error) {
			if len(addresses) > 1 {
				return nil, fmt.Errorf("listen: %w", missing)
			}
			return Listen(ctx, addresses)
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll(l)
		if len(l) != 1 || !strings.HasPrefix(addresses(l), "127.0.0.1:") || !strings.Contains(log.String(), "listening on IPv4 only") {
			t.Errorf("%v: listening on %s, said %q", missing, addresses(l), &log)
		}
	}
}
