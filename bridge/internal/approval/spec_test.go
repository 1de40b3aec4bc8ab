package approval

import (
	"fmt"
	"testing"

	"countersign/shared/spec"
)

func TestThePageHasTheLimitsOfADesk(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "frame.md", "channels of a connection", fmt.Sprint(MaxChannels))
	spec.Limit(t, "frame.md", "approvals of a connection", fmt.Sprint(MaxApprovals))
	spec.Limit(t, "frame.md", "batch", fmt.Sprintf("%.0f s", GatherTime.Seconds()))
}
