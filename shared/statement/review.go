package statement

import (
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/intent"
)

// Review is what the signer asks the reviewer of a step: a program that judges requests. Only
// a [Verdict] about its evaluation, signed by the reviewer, answers it.
type Review struct {
	V             int                 `json:"v"`    // 1
	Type          string              `json:"type"` // "review"
	Entity        string              `json:"entity"`
	EntityName    string              `json:"entity_name"`
	Request       string              `json:"request"`
	Created       int64               `json:"created"` // Unix seconds
	Step          int                 `json:"step"`    // from 1
	Reviewer      string              `json:"reviewer"`
	Evaluation    string              `json:"evaluation"` // 32 bytes, lower-case hexadecimal; single use
	GovernedBy    GovernedBy          `json:"governed_by"`
	Initiator     string              `json:"initiator,omitempty"`
	InitiatorName string              `json:"initiator_name,omitempty"`
	Approved      []string            `json:"approved"`          // members who approved earlier steps
	Recorded      governance.Recorded `json:"recorded,omitzero"` // what the signer saw when it was made
	Intent        intent.Doc          `json:"intent"`
	Digest        string              `json:"digest"` // of the intent, which the verdict restates
	IssuedAt      int64               `json:"iat"`    // Unix seconds
	Expires       int64               `json:"exp"`
	Log           Log                 `json:"log"` // the signer's log when it was asked
}

// Verdict is what a reviewer signs about a [Review].
type Verdict struct {
	V          int                `json:"v"`    // 1
	Type       string             `json:"type"` // "verdict"
	Entity     string             `json:"entity"`
	Request    string             `json:"request"`
	Step       int                `json:"step"`
	Reviewer   string             `json:"reviewer"`
	Evaluation string             `json:"evaluation"`
	Intent     string             `json:"intent"`  // digest of the intent that was judged
	Verdict    governance.Verdict `json:"verdict"` // APPROVE, REJECT, DEFER or RETRY
	// Reason is why, for people: at most 140 characters (shared/name).
	Reason   string `json:"reason,omitempty"`
	IssuedAt int64  `json:"iat"` // Unix seconds
}

// Answer is the verdict about r, as of a time in Unix seconds.
func (r Review) Answer(v governance.Verdict, reason string, at int64) Verdict {
	return Verdict{
		V: 1, Type: "verdict", Entity: r.Entity, Request: r.Request, Step: r.Step, Reviewer: r.Reviewer, Evaluation: r.Evaluation,
		Intent: r.Digest, Verdict: v, Reason: reason, IssuedAt: at,
	}
}

func (r Review) check() error {
	var c checks
	c.kind(1, r.V, r.Type, "review")
	c.ID("ent", r.Entity, "entity")
	c.Name(r.EntityName, "entity_name")
	c.ID("req", r.Request, "request")
	c.time(r.Created, "created")
	c.That(r.Step >= 1 && r.Step <= maxStep, "step", "is not between 1 and 16")
	c.ID("mem", r.Reviewer, "reviewer")
	c.That(isHex32(r.Evaluation), "evaluation", "is not 32 bytes of lower-case hexadecimal")
	c.governed(r.GovernedBy)
	if r.Initiator != "" || r.InitiatorName != "" {
		c.ID("mem", r.Initiator, "initiator")
		c.Name(r.InitiatorName, "initiator_name")
	}
	c.That(r.Approved != nil && len(r.Approved) <= MaxMembers, "approved", "is not a list of members")
	for _, m := range r.Approved {
		c.ID("mem", m, "approved")
	}
	if c.OK() {
		if p, bad := r.Recorded.Check().(*field.Problem); bad {
			return invalid(p.Field, p.Why)
		}
		if _, err := (Approval{Intent: r.Intent}).Wants(); err != nil {
			return err
		}
	}
	c.That(r.Digest == intent.Digest(r.Intent), "digest", "is not that of the intent")
	c.time(r.IssuedAt, "iat")
	c.time(r.Expires, "exp")
	c.That(r.Expires > r.IssuedAt && r.Expires-r.IssuedAt <= int64(Lifetime.Seconds()), "exp", "is not within 10 minutes of iat")
	c.That(r.Log.Size >= 1, "log.size", "is not a size")
	c.hash(r.Log.Head, "log.head")
	return c.failed()
}

func (v Verdict) check() error {
	var c checks
	c.kind(1, v.V, v.Type, "verdict")
	c.ID("ent", v.Entity, "entity")
	c.ID("req", v.Request, "request")
	c.That(v.Step >= 1 && v.Step <= maxStep, "step", "is not between 1 and 16")
	c.ID("mem", v.Reviewer, "reviewer")
	c.That(isHex32(v.Evaluation), "evaluation", "is not 32 bytes of lower-case hexadecimal")
	c.hash(v.Intent, "intent")
	c.That(known(v.Verdict), "verdict", "is not APPROVE, REJECT, DEFER or RETRY")
	c.Words(v.Reason, "reason")
	c.time(v.IssuedAt, "iat")
	return c.failed()
}

func known(v governance.Verdict) bool {
	for _, one := range governance.Verdicts() {
		if v == one {
			return true
		}
	}
	return false
}
