package page

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/peer"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
)

// caller is who connects: a page of an origin, in a program.
type caller struct {
	origin  string
	gateway string       // through whose relay the page came; empty: on loopback
	process peer.Process // the page's program, as the operating system says
}

// site is who asks: see [site.Name].
func (c caller) site() string { return site.Name(c.origin, c.gateway) }

// identify looks which program is at the other end of a connection on loopback,
// and refuses it when it is another user's: who shares this computer must not use
// this person's token, and a program that cannot be asked for its user could be
// anybody's. What the program is called decides nothing; it is shown.
func (v *visit) identify() error {
	if v.gateway != "" {
		return nil // it runs somewhere else
	}
	p, err := v.pages.Identify(addrPort(v.conn.ws.LocalAddr()), addrPort(v.conn.ws.RemoteAddr()))
	if errors.Is(err, peer.ErrUnsupported) {
		return nil
	}
	if err == nil {
		v.process = p
	}
	if err == nil && p.UID == os.Getuid() {
		return nil
	}
	return v.refused(v.event(journal.Refused), fault.Wrap(err, fault.OriginRefused, "only programs of the user who runs this bridge may connect"))
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

// program names the page's program for the journal.
func (c caller) program() string {
	if c.gateway != "" {
		return "through the relay at " + c.gateway
	}
	return c.process.String()
}

// whence says in the pairing prompt where a page comes from.
func (c caller) whence() string {
	if c.gateway != "" {
		return "A page wants to use this bridge through the relay at " + c.gateway + ".\n" +
			"It claims to be of " + c.origin + "; this computer cannot see which browser it is in.\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "A page of %s wants to use this bridge.\n\n", c.origin)
	if c.process.Path == "" {
		b.WriteString("Its program:  unknown (it runs as you, and hides its name, as sandboxed browsers do)\n")
		return b.String()
	}
	fmt.Fprintf(&b, "Its program:  %s\n", consent.Line(c.process.Path))
	if !c.process.Started.IsZero() {
		fmt.Fprintf(&b, "              process %d, started %s\n", c.process.PID, c.process.Started.Format("2006-01-02 15:04:05"))
	}
	if c.process.Warning != "" {
		fmt.Fprintf(&b, "CAUTION:      %s\n", consent.Line(c.process.Warning))
	}
	return b.String()
}
