package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"

	"countersign/bridge/internal/instance"
)

// Listen opens TCP listeners on loopback addresses such as "127.0.0.1:18427",
// "[::1]:18427"; port 0 is any free port. Anything that is not an IP address on
// loopback is refused, and when one fails none stays open. A port that is taken
// is an error that says by whom.
func Listen(ctx context.Context, addresses []string) ([]net.Listener, error) {
	if len(addresses) == 0 {
		return nil, errors.New("listen: no address is configured")
	}
	var all []net.Listener
	fail := func(err error) ([]net.Listener, error) {
		closeAll(all)
		return nil, err
	}
	for _, a := range addresses {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			return fail(fmt.Errorf("listen on %q: write address:port, such as 127.0.0.1:18427", a))
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return fail(fmt.Errorf("listen on %q: the bridge listens on 127.0.0.1 and [::1] only", a))
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", a)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fail(fmt.Errorf("listen on %q: the port is taken by %s: %w", a, owner(port), err))
		}
		if err != nil {
			return fail(fmt.Errorf("listen on %q: %w", a, err))
		}
		all = append(all, l)
	}
	return all, nil
}

// Ports are where a bridge may listen that was not told where.
type Ports struct {
	Try []int        // in this order; the page tries the same
	Log *slog.Logger // what was skipped; default: no log

	open func(context.Context, []string) ([]net.Listener, error) // Listen; a test has no IPv6
}

// ListenFirst opens the first port that is free on both 127.0.0.1 and [::1], on
// both; on a computer without IPv6, on 127.0.0.1 alone. Ports of others, such as
// another user's bridge, are skipped. When none is left the error names who has
// each.
func ListenFirst(ctx context.Context, p Ports) ([]net.Listener, error) {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.open == nil {
		p.open = Listen
	}
	var taken []string
	for _, number := range p.Try {
		port := strconv.Itoa(number)
		both := []string{"127.0.0.1:" + port, "[::1]:" + port}
		listeners, err := p.open(ctx, both)
		if noIPv6(err) {
			if listeners, err = p.open(ctx, both[:1]); err == nil {
				p.Log.Info("this computer has no IPv6 on loopback: listening on IPv4 only")
			}
		}
		if err == nil {
			return listeners, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
		p.Log.Info("a port is taken: trying the next", "port", number, "by", owner(port))
		taken = append(taken, port+" by "+owner(port))
	}
	return nil, fmt.Errorf("no port is left for the bridge: taken are %s. End one of these programs, or set \"listen\"", strings.Join(taken, ", "))
}

// noIPv6 reports whether a listener failed because there is no address ::1.
func noIPv6(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT)
}

// owner names who listens on a port, as far as the system tells.
func owner(port string) string {
	number, err := strconv.Atoi(port)
	if err != nil {
		return "another program"
	}
	o, ok := instance.PortOwner(number)
	if !ok {
		return "another program"
	}
	return o.String()
}

func closeAll(all []net.Listener) {
	for _, l := range all {
		l.Close()
	}
}
