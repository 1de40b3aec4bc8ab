package relay

import (
	"fmt"
	"testing"

	"countersign/shared/rendezvous"
	"countersign/shared/spec"
)

func TestThePageHasTheLimitsOfTheRelay(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "relay.md", "ticket", fmt.Sprintf("%.0f s", ticketLife.Seconds()))
	spec.Limit(t, "relay.md", "stream", fmt.Sprintf("%.0f s", takeUpTime.Seconds()))
	spec.Limit(t, "relay.md", "message", spec.Number(rendezvous.MaxMessage))
	spec.Limit(t, "relay.md", "streams of one bridge", fmt.Sprint(rendezvous.MaxStreams))
	spec.Limit(t, "relay.md", "bridges at one gateway", spec.Number(maxBridges))
	spec.Limit(t, "relay.md", "bridges of one client that no page has reached yet", spec.Number(maxOfAddress))
	spec.Limit(t, "relay.md", "connections of bridges that have not registered", spec.Number(maxWaiting))
	spec.Limit(t, "relay.md", "tickets that wait", spec.Number(maxTickets))
}
