package page

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"countersign/bridge/internal/site"
	"countersign/shared/frame"
	"countersign/shared/spec"
)

func TestThePageHasTheLimitsOfAConnection(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "frame.md", "requests that are not answered", fmt.Sprint(maxInFlight))
	spec.Limit(t, "frame.md", "silence of the page", fmt.Sprintf("%.0f s", IdleTimeout.Seconds()), fmt.Sprintf("%.0f s", pingEvery.Seconds()), fmt.Sprintf("%.0f s", writeTimeout.Seconds()))
	spec.Limit(t, "frame.md", "prompts of a site that came to nothing", fmt.Sprint(site.VainPrompts), fmt.Sprintf("%.0f s", site.VainInterval.Seconds()))
}

func TestTheBridgeAnswersTheRequestsOfTheTableAndNoOthers(t *testing.T) {
	t.Parallel()
	var want []string
	for _, s := range frame.Methods() {
		if s.Kind == frame.Request {
			want = append(want, s.Method)
		}
	}
	spec.Same(t, "methods", slices.Sorted(maps.Keys(methods)), want)
}
