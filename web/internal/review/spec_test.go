package review

import (
	"fmt"
	"testing"

	"countersign/shared/spec"
	"countersign/shared/statement"
)

func TestThePageHasTheLimits(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "reviewers.md", "question, answer", spec.Number(MaxAnswer))
	spec.Limit(t, "reviewers.md", "time from the question to the whole answer", fmt.Sprintf("%.0f s", Timeout.Seconds()))
	spec.Limit(t, "reviewers.md", "life of a question", fmt.Sprintf("%.0f s", statement.Lifetime.Seconds()))
}
