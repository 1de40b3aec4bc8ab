package governance

import (
	"fmt"
	"slices"
	"time"

	"countersign/shared/name"
)

// stage is a step of a rule, and how far a request is in it.
type stage struct {
	step     Step
	parts    []Part // the quorums of which one is enough
	approved []string
	verdict  Verdict
	until    time.Time
	over     bool
}

// stages are the steps of a rule before anybody decided, under an initiator; empty: none
// is proven. why is why they can never be taken.
func (in Input) stages(rule Rule, initiator string) (all []*stage, why []string) {
	for _, step := range rule.Steps {
		if step.ExcludeInitiator && initiator == "" {
			return nil, []string{fmt.Sprintf("step %q of rule %q excludes whoever asked, and nothing proves who asked", step.Name, rule.Name)}
		}
		if step.Reviewer != "" && len(in.exist([]string{step.Reviewer})) == 0 {
			return all, []string{fmt.Sprintf("step %q waits for the verdict of a program that is not an active member", step.Name)}
		}
		s := &stage{step: step, approved: []string{}, parts: in.parts(rule.Steps, step, initiator)}
		if step.Reviewer == "" && step.Delay == 0 && !slices.ContainsFunc(s.parts, Part.reachable) {
			why = []string{fmt.Sprintf("no alternative of step %q has as many members as it needs", step.Name)}
			if len(s.parts) == 1 {
				p := s.parts[0]
				why = []string{fmt.Sprintf("step %q needs %s, but only %s may give one", step.Name, count(p.Needed, "approval"), count(len(p.Waiting), "member"))}
			}
			return all, why
		}
		all = append(all, s)
	}
	return all, nil
}

// reviewers are the members who give a verdict in steps: they approve none.
func reviewers(steps []Step) (ids []string) {
	for _, s := range steps {
		if s.Reviewer != "" {
			ids = append(ids, s.Reviewer)
		}
	}
	return ids
}

// parts are the quorums of one of the steps of a rule, with the members who exist and may
// approve it.
func (in Input) parts(steps []Step, step Step, initiator string) (all []Part) {
	for _, q := range step.Quorums() {
		p := Part{Needed: q.Quorum, Approved: []string{}, Waiting: []string{}}
		p.Waiting = append(p.Waiting, in.exist(in.objects().electorate(q.Members, q.Group))...)
		for _, id := range reviewers(steps) {
			p.Waiting = without(p.Waiting, id)
		}
		if step.ExcludeInitiator {
			p.Waiting = without(p.Waiting, initiator)
		}
		all = append(all, p)
	}
	return all
}

// reachable reports whether a quorum can still be reached.
func (p Part) reachable() bool { return len(p.Approved)+len(p.Waiting) >= p.Needed }

// left is how many approvals are missing.
func (p Part) left() int { return p.Needed - len(p.Approved) }

// waiting are those whose approval counts while the step is the current one.
func (s *stage) waiting() []string {
	all := []string{}
	if s.over || s.step.Reviewer != "" && s.verdict != Defer {
		return all
	}
	for _, p := range s.parts {
		for _, id := range p.Waiting {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

// left is how many approvals are missing in the nearest of the quorums, of those that can
// be reached when there is one.
func (s *stage) left() int {
	least, sure := -1, false
	for _, p := range s.parts {
		if can := p.reachable(); least < 0 || can && !sure || can == sure && p.left() < least {
			least, sure = p.left(), can
		}
	}
	return max(least, 0)
}

// progress is the stage for the decision.
func (s *stage) progress() Progress {
	p := Progress{Name: s.step.Name, Approved: s.approved, Waiting: s.waiting(), Reviewer: s.step.Reviewer, Verdict: s.verdict, Delay: s.step.Delay, Until: s.until}
	if s.step.Reviewer == "" || s.verdict == Defer {
		p.Needed = len(s.approved) + s.left()
	}
	if len(s.parts) > 1 {
		for _, part := range s.parts {
			if p.Any = append(p.Any, part); s.over {
				p.Any[len(p.Any)-1].Waiting = []string{}
			}
		}
	}
	return p
}

// walk takes a request through the steps of its rule, in the order of the log and of time.
type walk struct {
	in     Input
	d      *Decision
	stages []*stage
	since  time.Time // when the newest step was done
}

// count walks the approvals in their order and sets state, step and reasons. One of
// before a change that the current step does not wait for is tried again at the next.
func (in Input) count(d *Decision, stages []*stage) {
	w := walk{in: in, d: d, stages: stages}
	d.State, d.Step = Pending, 1
	var kept []Approval
	for rest := in.Approvals; d.State == Pending; {
		next := in.Now
		if len(rest) > 0 {
			next = rest[0].At
		}
		if w.pass(next) {
			rest, kept = slices.Concat(kept, rest), nil
			continue
		}
		if len(rest) == 0 {
			break
		}
		a, step := rest[0], d.Step
		rest = rest[1:]
		if !w.take(a) && a.Step == 0 && !a.Reject {
			kept = append(kept, a)
		}
		if d.Step != step {
			rest, kept = slices.Concat(kept, rest), nil
		}
	}
	if d.State == Pending && !w.idle() && !in.Now.Before(d.Expires) {
		d.State, d.Reasons = Expired, []string{"expired at " + at(d.Expires) + " " + w.lacks()}
	}
	d.show(stages)
	if d.State != Pending {
		d.close()
		return
	}
	if p := &d.Steps[d.Step-1]; p.Delay != 0 {
		p.Stop = w.stoppers()
	}
	d.Reasons = []string{in.waiting(*d)}
}

// current is the stage that is waited for.
func (w *walk) current() *stage { return w.stages[w.d.Step-1] }

// pass goes on when the current step is a delay that is over at a time.
func (w *walk) pass(at time.Time) bool {
	s := w.current()
	if s.step.Delay == 0 || s.until.IsZero() || at.Before(s.until) {
		return false
	}
	w.done(s.until)
	return true
}

// done ends the current step, at a time.
func (w *walk) done(at time.Time) {
	w.current().over = true
	if at.After(w.since) {
		w.since = at
	}
	if w.d.Step == len(w.stages) {
		w.d.State, w.d.Completed = Approved, w.since
		w.d.Reasons = []string{"approved by " + w.in.names(w.counted(), "and")}
		return
	}
	w.d.Step++
	if next := w.current(); next.step.Delay != 0 && !w.since.IsZero() { // of what has no time nobody knows when it is over
		next.until = w.since.Add(time.Duration(next.step.Delay) * time.Second)
	}
}

// take counts a decision, and reports whether it counts now.
func (w *walk) take(a Approval) bool {
	s := w.current()
	waits := slices.Contains(s.waiting(), a.Member)
	switch {
	case a.Step != 0 && a.Step != w.d.Step:
		return false
	case a.Verdict != "":
		return a.Step != 0 && w.judge(s, a)
	case a.Reject && (waits || s.step.Delay != 0 && slices.Contains(w.stoppers(), a.Member)):
		w.reject(a.Member)
		return true
	case a.Reject || !waits:
		return false
	}
	s.approved = append(s.approved, a.Member)
	reached := false
	for i, p := range s.parts {
		if slices.Contains(p.Waiting, a.Member) {
			s.parts[i].Approved = append(p.Approved, a.Member)
			reached = reached || s.parts[i].left() == 0
		}
	}
	for _, s := range w.stages {
		for i, p := range s.parts {
			s.parts[i].Waiting = without(p.Waiting, a.Member)
		}
	}
	if reached {
		w.done(a.At)
	}
	return true
}

// judge counts a verdict of a step's reviewer. Once it left the request to members, it has
// no more to say.
func (w *walk) judge(s *stage, a Approval) bool {
	if s.step.Reviewer == "" || a.Member != s.step.Reviewer || s.verdict == Defer || !slices.Contains(Verdicts(), a.Verdict) {
		return false
	}
	switch s.verdict = a.Verdict; a.Verdict {
	case Approves:
		w.done(a.At)
	case Rejects:
		w.reject(a.Member)
	}
	return true
}

func (w *walk) reject(by string) {
	w.d.State, w.d.Reasons = Rejected, []string{"rejected by " + name.Within(w.in.name(by))}
}

// idle reports whether nothing but time is missing.
func (w *walk) idle() bool {
	return !slices.ContainsFunc(w.stages[w.d.Step-1:], func(s *stage) bool { return s.step.Delay == 0 })
}

// stoppers are all who could approve a step of the request, also those who did.
func (w *walk) stoppers() []string {
	all, steps := []string{}, []Step{}
	for _, s := range w.stages {
		steps = append(steps, s.step)
	}
	for _, s := range steps {
		for _, p := range w.in.parts(steps, s, w.in.Initiator) {
			for _, id := range p.Waiting {
				if !slices.Contains(all, id) {
					all = append(all, id)
				}
			}
		}
	}
	return all
}

// counted are those whose approval counts, in the order of the steps.
func (w *walk) counted() (all []string) {
	for _, s := range w.stages {
		if all = append(all, s.approved...); s.verdict == Approves {
			all = append(all, s.step.Reviewer)
		}
	}
	return all
}

// lacks says what was missing at the end.
func (w *walk) lacks() string {
	s := w.current()
	if p := s.progress(); p.Needed > 0 {
		return "with " + progress(p)
	} else if p.Delay > 0 {
		return "before step " + name.Within(p.Name) + " was over"
	}
	return "without a verdict of " + name.Within(w.in.name(s.step.Reviewer))
}
