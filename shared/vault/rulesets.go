package vault

import (
	"fmt"

	"countersign/shared/governance"
	"countersign/shared/statement"
)

// ruleSets are all versions of all rule sets, by the id of what each governs: a new
// version is added to the others, so that a request can keep the one that it has.
type ruleSets map[string][]ruleSet

type ruleSet struct {
	governance.Set
	digest string
}

// put adds the next version of a rule set.
func (s ruleSets) put(id string, set governance.Set) error {
	if all := s[id]; len(all) > 0 && set.Version <= all[len(all)-1].Version {
		return fmt.Errorf("version %d of the rules of %s does not follow version %d", set.Version, id, all[len(all)-1].Version)
	}
	s[id] = append(s[id], ruleSet{set, set.Digest()})
	return nil
}

// newest is the version that governs what is asked for from now on.
func (s ruleSets) newest(id string) (governance.Set, error) {
	all := s[id]
	if len(all) == 0 {
		return governance.Set{}, fmt.Errorf("there are no rules of %s", id)
	}
	return all[len(all)-1].Set, nil
}

// pinned is the version that a request keeps.
func (s ruleSets) pinned(by statement.GovernedBy) (governance.Set, error) {
	for _, set := range s[by.RuleSet] {
		if set.Version != by.Version {
			continue
		}
		if set.digest != by.Digest {
			return governance.Set{}, fmt.Errorf("version %d of the rules of %s has another digest", by.Version, by.RuleSet)
		}
		return set.Set, nil
	}
	return governance.Set{}, fmt.Errorf("there is no version %d of the rules of %s", by.Version, by.RuleSet)
}

// govern are the rules of a request: the version that it pins, else the newest of its
// account.
func (s ruleSets) govern(by statement.GovernedBy, account string) (governance.Set, error) {
	if by.Rule == "" {
		return s.newest(account)
	}
	return s.pinned(by)
}
