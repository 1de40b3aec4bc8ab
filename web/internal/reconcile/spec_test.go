package reconcile

import (
	"testing"

	"countersign/shared/spec"
	"countersign/shared/wire"
)

func TestThePageHasTheKindsAndLimits(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, row := range spec.Table(t, "reports.md", "Reconciliation", "`kind`") {
		kinds = append(kinds, row[0][1:len(row[0])-1])
	}
	spec.Same(t, "kinds of differences", kinds, wire.DifferenceKinds())
	spec.Limit(t, "reports.md", "differences of an entity that are named", spec.Number(MaxDifferences))
	spec.Limit(t, "reports.md", "addresses that a node is asked about at once", spec.Number(batch))
}
