package vault

import (
	"slices"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
)

// Try explains a request with these facts as it could be asked for at a time, once a change of
// the vault has taken effect: what whoever writes rules wants to know of them. The change is
// filled; the chain is that of the account, and recorded gives the local times of zones. What was
// spent counts as it would for the first request under the new rules. It fails with NOT_FOUND,
// details field, when there is no such account after the change, and with CONFLICT for a change
// that does not follow.
func (s *State) Try(c intent.Change, facts governance.Facts, at, expires time.Time, recorded func(zones []string) governance.Recorded) (governance.Explanation, error) {
	next, err := s.Governance.After(c)
	if err != nil {
		return governance.Explanation{}, err
	}
	accounts := next.objects(Newest).Accounts
	i := slices.IndexFunc(accounts, func(a governance.Account) bool { return a.Account == facts.Account })
	set, ok := next.Rules.at(facts.Account, Newest)
	if !ok || i < 0 {
		return governance.Explanation{}, fault.New(fault.NotFound, "the vault has no such account after the change").With("field", "try.account")
	}
	facts.Chain = accounts[i].Chain
	var a account
	a.Account = facts.Account
	if now := s.accounts[facts.Account]; now != nil {
		a.spends = now.spends
	}
	a.look(set.Value)
	b := signedlog.RequestBody{Created: at.Unix(), Expires: expires.Unix(), Recorded: recorded(set.Value.Zones())}
	in, err := next.input(b, facts, Said{}, s.spent(nil, &a, at), at, Newest)
	if err != nil {
		return governance.Explanation{}, err
	}
	return governance.Explain(in), nil
}
