package buy

import (
	"os"
	"regexp"
	"slices"
	"testing"

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
