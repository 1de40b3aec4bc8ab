package governance

import (
	"fmt"
	"slices"
)

// CanBeMet reports whether a request under a rule could be approved by the members:
// under somebody who may initiate it, where the rule has a creation step. A rule that
// denies cannot, and is not meant to.
func (o Objects) CanBeMet(rule Rule) bool {
	in := Input{Members: o.Members, Groups: o.Groups}
	if c := rule.Creation; c != nil {
		return slices.ContainsFunc(in.exist(o.electorate(c.Members, c.Group)), func(id string) bool {
			return in.unmeetable(rule, id) == nil
		})
	}
	rule.Steps = slices.Clone(rule.Steps)
	for i := range rule.Steps { // a step that excludes nobody who is proven denies, and says so
		rule.Steps[i].ExcludeInitiator = false
	}
	return in.unmeetable(rule, "") == nil
}

// unmeetable is why the steps of a rule can never be taken under an initiator; nil: they
// can.
func (in Input) unmeetable(rule Rule, initiator string) []string {
	stages, why := in.stages(rule, initiator)
	if why == nil && !meet(stages, nil) {
		why = []string{fmt.Sprintf("the steps of rule %q need more members than there are: each gives one approval", rule.Name)}
	}
	return why
}

// meet reports whether each stage can have one of its quorums when each member approves
// once. What a reviewer or time decides needs nobody. chosen are the quorums of the stages
// before.
func meet(stages []*stage, chosen []Part) bool {
	if len(stages) == 0 {
		return seated(chosen)
	}
	s := stages[0]
	if s.step.Reviewer != "" || s.step.Delay != 0 {
		return meet(stages[1:], chosen)
	}
	return slices.ContainsFunc(s.parts, func(p Part) bool { return meet(stages[1:], append(slices.Clip(chosen), p)) })
}

// seated seats members at the steps, and moves those who sit already where that makes
// room.
func seated(steps []Part) bool {
	at := map[string]int{} // the step of a member
	for step := range steps {
		for range steps[step].Needed {
			if !seat(steps, step, at, map[string]bool{}) {
				return false
			}
		}
	}
	return true
}

// seat finds one more member for a step. asked are those who could not be moved.
func seat(steps []Part, step int, at map[string]int, asked map[string]bool) bool {
	for _, id := range steps[step].Waiting {
		other, sits := at[id]
		if asked[id] || sits && other == step {
			continue
		}
		asked[id] = true
		if !sits || seat(steps, other, at, asked) {
			at[id] = step
			return true
		}
	}
	return false
}
