package approver

import (
	"fmt"
	"testing"

	"countersign/shared/spec"
)

func TestThePageHasTheLimitsOfAConnection(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "frame.md", "requests that are not answered", fmt.Sprint(maxInFlight))
	spec.Limit(t, "frame.md", "channels of a connection", fmt.Sprint(maxChannels))
	spec.Limit(t, "frame.md", "approvals of a connection", fmt.Sprint(maxApprovals))
	spec.Limit(t, "frame.md", "batch", fmt.Sprintf("%.0f s", gatherTime.Seconds()))
	spec.Limit(t, "frame.md", "silence of the page", fmt.Sprintf("%.0f s", idleTimeout.Seconds()), fmt.Sprintf("%.0f s", pingEvery.Seconds()), fmt.Sprintf("%.0f s", writeTimeout.Seconds()))
	spec.Limit(t, "frame.md", "prompts of a site that came to nothing", fmt.Sprint(vainPrompts), fmt.Sprintf("%.0f s", vainInterval.Seconds()))
}
