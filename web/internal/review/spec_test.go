package review

import (
	"fmt"
	"testing"

	"countersign/shared/governance"
	"countersign/shared/spec"
	"countersign/shared/statement"
)

func TestThePagesHaveTheLimits(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "reviewers.md", "question, answer", spec.Number(MaxAnswer))
	spec.Limit(t, "reviewers.md", "time from the question to the whole answer", fmt.Sprintf("%.0f s", Timeout.Seconds()))
	spec.Limit(t, "reviewers.md", "life of a question", fmt.Sprintf("%.0f s", statement.Lifetime.Seconds()))
	spec.Limit(t, "rates.md", "answer", spec.Number(MaxAnswer))
	spec.Limit(t, "rates.md", "time from the question to the whole answer", fmt.Sprintf("%.0f s", Timeout.Seconds()))
	spec.Limit(t, "rates.md", "a rate ahead of the signer's clock", fmt.Sprintf("%d s", governance.MaxAhead))
	spec.Limit(t, "rates.md", "age of a rate", spec.Number(governance.MaxRateAge))
}
