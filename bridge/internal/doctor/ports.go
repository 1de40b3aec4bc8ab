package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/instance"
	"countersign/shared/frame"
	"countersign/shared/shell"
)

// ports looks who listens where the bridge would.
func (c *checks) ports(ctx context.Context) {
	running, ok, err := control.Ask(ctx, c.client, control.Who, control.WhoParams{})
	switch {
	case err != nil:
		c.note("bridge", Bad, "a bridge runs and cannot be asked: "+messageOf(err), "Stop it and start it again.")
	case ok && running.Version != approver.Version:
		c.note("bridge", Warn, fmt.Sprintf("the bridge runs: %s; it is of version %s, and this command of %s", running, running.Version, approver.Version), "Stop it and start it again.")
	case ok:
		c.note("bridge", OK, "the bridge runs: "+running.String(), "")
	default:
		c.note("bridge", OK, "no bridge of yours runs", "countersign-bridge approver --config "+shell.Word(c.File))
	}
	addresses := c.Bridge.Listen
	if len(addresses) == 0 {
		for _, p := range frame.Ports {
			addresses = append(addresses, net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		}
	}
	usable := 0
	for _, a := range addresses {
		if c.port(ctx, a, running) {
			usable++
		}
	}
	if usable == 0 {
		c.note("ports", Bad, "other programs have all ports: the bridge cannot listen", `End one of them, or name a port of your own in "listen". Pages try only the ports that they know.`)
	}
}

// port reports whether an address is free, or our own bridge's.
func (c *checks) port(ctx context.Context, address string, running control.Bridge) bool {
	id := "port:" + address
	all, err := guard.Listen(ctx, []string{address})
	if err == nil {
		for _, l := range all {
			l.Close()
		}
		c.note(id, OK, address+" is free", "")
		return true
	}
	if slices.Contains(running.Listen, "ws://"+address) {
		c.note(id, OK, "your bridge listens on "+address, "")
		return true
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		c.note(id, Bad, err.Error(), "Write an address on loopback, such as 127.0.0.1:18427.")
		return false
	}
	who := "another program"
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port) // Listen has read it
	owner, known := instance.PortOwner(n)
	if known {
		who = owner.String()
	}
	remedy := "The bridge takes the next port. Is that program what you think it is?"
	if known && owner.UID != os.Getuid() {
		remedy = "It is another user's, perhaps their bridge: the bridge takes the next port."
	}
	c.note(id, Warn, fmt.Sprintf("%s listens on %s", who, address), remedy)
	return false
}
