package doctor

import (
	"cmp"
	"context"
	"strings"

	"countersign/bridge/internal/control"
	"countersign/shared/fault"
)

// running asks the bridge that runs what it sees. It may be started in another shell,
// where the environment names other tokens, or before a module was installed.
func (c *checks) running(ctx context.Context) {
	seen, running, err := control.Ask(ctx, c.client, control.Seen, control.None{})
	if !running {
		return
	}
	c.by = ByBridge
	defer func() { c.by = ByCommand }()
	if err != nil {
		c.note("bridge:seen", Warn, "it does not say what it sees: "+messageOf(err), "Start it again, from the same installation as this command and with the same configuration.")
		return
	}
	for _, n := range seen.Notes {
		c.asks = c.asks || n.ID == control.Prompt && n.Code == ""
		id := "bridge:" + n.ID
		switch {
		case n.Remark && strings.HasPrefix(n.ID, "twice:"):
			c.note(id, Warn, n.Message, onceRemedy)
		case n.Remark:
			c.note(id, Warn, n.Message, strayRemedy)
		case n.Code == "":
			c.note(id, OK, n.Message, "")
		case n.Code == fault.DeviceMissing || n.Code == fault.DeviceRemoved:
			c.note(id, Warn, n.Message, "Plug it in. When it is: the bridge was started with another environment (SOFTHSM2_CONF, for instance); start it again where it sees the token.")
		case n.Code == fault.Invalid:
			c.note(id, Bad, n.Message, unclearRemedy)
		default:
			c.note(id, Bad, n.Message, cmp.Or(Remedy(n.Code), "Start the bridge again."))
		}
	}
}
