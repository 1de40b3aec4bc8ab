package buy

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/quote"
	"countersign/shared/spec"
)

func TestThePageHasTheWordsOfEveryDeviation(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("documents.go")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range regexp.MustCompile(`d\.say\("([^"]+)"\)`).FindAllSubmatch(source, -1) {
		said = append(said, string(m[1]))
	}
	slices.Sort(said)
	spec.Same(t, "deviations", spec.Column(t, "providers.md", "Deviations that are accepted", "sentence", 0), slices.Compact(said))
}

func TestThePageHasTheLimitsOfTheDesk(t *testing.T) {
	t.Parallel()
	limit := func(name string, numbers ...string) { t.Helper(); spec.Limit(t, "providers.md", name, numbers...) }
	limit("circuit breaker", fmt.Sprint(breakAfter), fmt.Sprintf("%.0f s", pause.Seconds()), fmt.Sprintf("%.0f min", longestPause.Minutes()))
	limit("`rampRedirectUrl`", fmt.Sprintf("%d,%03d bytes", maxAddress/1000, maxAddress%1000))
	limit("life of a quote", fmt.Sprintf("%.0f s", quote.Life.Seconds()))
	limit("age of `/capabilities`, `/crypto-currencies`", fmt.Sprintf("%.0f min", capabilitiesAge.Minutes()), fmt.Sprintf("%.0f min", assetsAge.Minutes()))
	limit("pause after a fetch that failed", fmt.Sprintf("%.0f s", retryAge.Seconds()), fmt.Sprintf("%.0f s", longestRetry.Seconds()))
	limit("age of `/capabilities`, `/crypto-currencies`", fmt.Sprintf("%d %%", jittered))
	section := spec.Section(t, "providers.md", "Settling")
	for _, text := range []string{fmt.Sprintf("%d ms", paceFloor.Milliseconds()), "2,500 ms", fmt.Sprintf("%d ms more", paceStep.Milliseconds()), fmt.Sprintf("last %d answers", paceKept), fmt.Sprintf("after %d answers", paceNeeded)} {
		if !strings.Contains(section, text) {
			t.Errorf("the page does not say %q of settling", text)
		}
	}
	if paceCeiling != 2500*time.Millisecond {
		t.Error(paceCeiling)
	}
	limit("a document that cannot be refreshed", fmt.Sprintf("%.0f h", staleAge.Hours()))
}
