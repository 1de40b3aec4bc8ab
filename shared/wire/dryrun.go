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
	// Findings are those about a rule that only the vault after the change has: where they
	// belong, so that whoever writes rules can show each at its rule. At most [MaxFindings].
	Findings []RuleFinding `json:"findings,omitempty"`
	// Trial explains the request that was to be tried, as if the change had taken effect.
	Trial *governance.Explanation `json:"trial,omitempty"`
	Value *governance.Value       `json:"value,omitempty"` // of what spends an asset, at a signed rate that rules look at
}

// RuleFinding is a finding of shared/rehearsal about a rule, as far as a page shows it. It is a type of
// its own because the browser's core, which has this package, has no room for that one.
type RuleFinding struct {
	Code     string `json:"code"`     // rehearsal.Code
	Severity string `json:"severity"` // rehearsal.Severity
	Account  string `json:"account"`
	Rule     string `json:"rule"`
	Step     string `json:"step,omitempty"` // of the rule; empty: all of it
	Text     string `json:"text"`           // one sentence without a full stop
}

// MaxFindings is how many findings an explanation has.
const MaxFindings = 64

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
