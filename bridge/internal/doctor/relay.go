package doctor

import (
	"context"
	"os"
	"path/filepath"

	"countersign/bridge/internal/approver"
	"countersign/shared/rendezvous"
)

// relay looks at the way for pages that cannot reach loopback, when one is
// configured.
func (c *checks) relay(ctx context.Context) {
	gateway := c.Bridge.Relay.Gateway
	if gateway == "" || c.noGateway {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := approver.ProbeRelay(ctx, c.Bridge); err != nil {
		c.note("relay", Warn, "the gateway "+gateway+" has no relay for this bridge: "+err.Error(),
			"Compare relay.gateway with the gateway's public address, and look at proxy and certificate. Until then pages reach this bridge over loopback only.")
		return
	}
	if _, err := os.Stat(filepath.Join(c.Bridge.StateDir, "link.key")); err != nil {
		c.note("relay", OK, "the gateway "+gateway+" has a relay; the bridge gets its name there when it first starts", "")
		return
	}
	name, err := approver.RelayName(c.Bridge)
	if err != nil {
		c.note("relay", Bad, "the bridge has no name at the gateway: "+err.Error(), "Repair or remove link.key in the state directory; without it every page must pair again.")
		return
	}
	c.note("relay", OK, "pages reach this bridge at "+gateway+" under the name "+rendezvous.Show(name), "")
}
