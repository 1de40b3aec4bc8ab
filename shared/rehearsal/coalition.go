package rehearsal

import (
	"fmt"
	"slices"
	"strings"

	"countersign/shared/governance"
)

// sets are sets of members who can approve under a rule and of whom each is needed, by
// id; one that is empty: nobody has to.
type sets struct {
	all  [][]string
	more int // that are not listed
}

// smallest finds them. Whether members suffice depends on which steps name them, so that
// it is asked once for each such mixture.
func (r *rules) smallest(rule governance.Rule) (found sets) {
	var may, programs []governance.Member // whoever makes no difference is left out
	var named []string
	needed := 0 // each approval is another member's
	for _, s := range rule.Steps {
		if !plain(s) {
			needed = 0
			break
		}
		needed += fewest(s)
	}
	for _, m := range r.objects.Members {
		if reviews(rule, m.ID) {
			programs = append(programs, m)
		} else if by := r.named(rule, m.ID); by != "" {
			may, named = append(may, m), append(named, by)
		}
	}
	known := map[string]bool{}
	can := func(with []int) bool {
		o := governance.Objects{Groups: r.vault.Groups, Lists: r.vault.Whitelists, Members: slices.Clone(programs)}
		var mixture []string
		for _, i := range with {
			o.Members, mixture = append(o.Members, may[i]), append(mixture, named[i])
		}
		slices.Sort(mixture)
		key := strings.Join(mixture, ";")
		if _, asked := known[key]; !asked {
			known[key] = approvable(rule, o)
		}
		return known[key]
	}
	var try func(from int, with []int, size int)
	try = func(from int, with []int, size int) {
		if len(with) < size {
			for i := from; i < len(may); i++ {
				try(i+1, append(slices.Clip(with), i), size)
			}
			return
		}
		if !can(with) {
			return
		}
		var ids []string
		for n, i := range with {
			if can(slices.Delete(slices.Clone(with), n, n+1)) {
				return
			}
			ids = append(ids, may[i].ID)
		}
		if len(found.all) < maxSets || size < 2 {
			found.all = append(found.all, ids)
		} else {
			found.more++
		}
	}
	for size := needed; size <= maxTogether; size++ {
		try(0, nil, size)
	}
	return found
}

// reviews reports whether a rule waits for a member's verdict.
func reviews(rule governance.Rule, member string) bool {
	return slices.ContainsFunc(rule.Steps, func(s governance.Step) bool { return s.Reviewer == member })
}

// plain reports whether this version knows all that a step asks for.
func plain(s governance.Step) bool {
	return !foreign(s, "Name", "Quorum", "Members", "Group", "Any", "ExcludeInitiator", "Delay", "Reviewer")
}

// fewest is with how many approvals of members a step can be done.
func fewest(s governance.Step) (n int) {
	if s.Reviewer != "" || s.Delay != 0 {
		return 0
	}
	for i, q := range s.Quorums() {
		if i == 0 || q.Quorum < n {
			n = q.Quorum
		}
	}
	return n
}

// named says by which steps a rule counts a member; empty: by none. One whose steps this
// version does not know may count anybody, and differently.
func (r *rules) named(rule governance.Rule, member string) string {
	steps := slices.Clone(rule.Steps)
	if c := rule.Creation; c != nil {
		steps = append(steps, governance.Step{Members: c.Members, Group: c.Group})
	}
	var by []string
	for i, s := range steps {
		if !plain(s) {
			return member
		}
		for n, q := range s.Quorums() {
			if slices.Contains(r.objects.Electorate(governance.Step{Members: q.Members, Group: q.Group}), member) {
				by = append(by, fmt.Sprintf("%d.%d", i, n))
			}
		}
	}
	return strings.Join(by, ",")
}

// within reports whether all of a are in b.
func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
