package page

import (
	"fmt"
	"testing"

	"countersign/bridge/internal/site"
	"countersign/shared/spec"
)

func TestThePageHasTheLimitsOfAConnection(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "frame.md", "requests that are not answered", fmt.Sprint(maxInFlight))
	spec.Limit(t, "frame.md", "silence of the page", fmt.Sprintf("%.0f s", IdleTimeout.Seconds()), fmt.Sprintf("%.0f s", pingEvery.Seconds()), fmt.Sprintf("%.0f s", writeTimeout.Seconds()))
	spec.Limit(t, "frame.md", "prompts of a site that came to nothing", fmt.Sprint(site.VainPrompts), fmt.Sprintf("%.0f s", site.VainInterval.Seconds()))
}
