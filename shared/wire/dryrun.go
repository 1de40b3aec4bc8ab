package wire

import (
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/statement"
)

// Explanation answers a dry run: what the rules would say of a request, and what it would
// do to the vault.
type Explanation struct {
	governance.Explanation
	Impact *statement.Impact `json:"impact,omitempty"` // of what changes the vault
	Value  *governance.Value `json:"value,omitempty"`  // of what spends an asset, at a signed rate that rules look at
}

// HeaderDryRun is the header of a question that is to be answered and not carried out.
const HeaderDryRun = "Dry-Run"

// DryRun reports whether the header of a request says so. It fails with INVALID_REQUEST
// for another value than true: who writes one does not want it done.
func DryRun(header map[string][]string) (bool, error) {
	switch given := header[HeaderDryRun]; {
	case len(given) == 0:
		return false, nil
	case len(given) == 1 && given[0] == "true":
		return true, nil
	}
	return false, fault.New(fault.Invalid, "the header Dry-Run must be true, once, or absent").With("field", HeaderDryRun)
}
