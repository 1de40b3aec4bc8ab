package gateway

import (
	"slices"
	"strings"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// view is a request as clients see it. The same rules that the signer applied
// explain it. gen is what by is now.
func (g *Gateway) view(r store.Request, by *projection.Governance, gen statement.Genesis, o *store.Order, sent *store.Sending, said *store.Message) wire.Request {
	now := g.now()
	d := projection.Decide(r, by, now)
	doc := intent.Doc(r.Intent)
	v := wire.Request{
		ID: r.ID, Entity: r.Entity, State: r.State, Intent: doc, IntentDigest: intent.Digest(doc),
		Rule: wire.Rule{
			RuleSet: r.Pin.RuleSet, Version: r.Pin.Version, Digest: r.Pin.Digest, Name: r.Pin.Rule,
			UseWithin: int64(governance.Use(r.Pin.UseWithin) / time.Second),
		},
		Reasons: d.Reasons, Step: max(d.Step, 1), Steps: append([]governance.Progress{}, d.Steps...), Approvers: []wire.Approver{}, Order: r.Order,
		CreatedAt: r.Created, ExpiresAt: time.Unix(r.Expires, 0).UTC(), ServerTime: now,
	}
	if wants, err := intent.Open(doc); err == nil { // which it was when its entry was read
		v.Sentence = wants.Title()
		_, drafted := wants.(intent.Drafted)
		if _, signs := wants.(intent.Messenger); drafted || signs { // of which a page need not know the kind
			v.Impact = (*statement.Impact)(r.Impact)
			for _, l := range slices.Concat(wants.Lines(), v.Impact.Lines(), intent.WhyLines(wants)) {
				v.Lines = append(v.Lines, wire.Line{Label: l.Label, Value: l.Value})
			}
		}
		if to, ok := receives(r); ok {
			v.Address = &wire.DepositInfo{Chain: to.Chain, Address: to.Address, Attestation: r.Attestation, Verified: true}
		}
	}
	if len(r.Reasons) > 0 {
		v.Reasons = r.Reasons
	}
	if v.Reasons == nil {
		v.Reasons = []string{}
	}
	if (r.State == wire.RequestPending || r.State == wire.RequestUnsent) && d.State == governance.Expired {
		v.State = wire.RequestExpired // the signer will say so with its next entry
	}
	ends := useBy(r)
	if !ends.IsZero() {
		v.UseBy = &ends
	}
	v.Sending, v.Signature = g.sendingView(sent), signatureView(said)
	if sent != nil && len(sent.Attempts) > 0 || said != nil && said.Begun {
		v.UseBy = nil // it was used
	} else if said != nil && said.State == store.MessageLapsed {
		v.State, v.Reasons = wire.RequestLapsed, append([]string{said.Reason}, v.Reasons...)
	} else if r.State == wire.RequestApproved && lapsed(r, now) {
		v.State = wire.RequestLapsed // no entry says so: the approval carries its end
		v.Reasons = append([]string{"the approval ended at " + ends.Format("2006-01-02 15:04:05 UTC") + " and was not used"}, v.Reasons...)
	}
	names := map[string]string{}
	for _, m := range gen.Members {
		names[m.Member] = m.Name
	}
	if sent := approvers(r, gen, governance.Progress{}, 0); len(sent) > 0 {
		v.Initiator = &sent[0]
	}
	if d.State == governance.Uninitiated {
		v.Needed, v.Approvers = 1, approvers(r, gen, governance.Progress{Waiting: d.Initiators}, 0)
	} else if v.Step <= len(d.Steps) {
		s := d.Steps[v.Step-1]
		v.Needed, v.Approved = s.Needed, len(s.Approved)
		v.Approvers = approvers(r, gen, s, v.Step)
	}
	v.History = append(history(r, v, o, names), append(sendingEvents(sent), signatureEvents(said)...)...)
	return v
}

// receives is where a request receives, if it does.
func receives(r store.Request) (intent.Deposit, bool) {
	wants, _ := intent.Open(intent.Doc(r.Intent))
	own, ok := wants.(intent.Receiver)
	if !ok {
		return intent.Deposit{}, false
	}
	return own.Receives(), true
}

// approvers are the members of a step: who decided, and who may. Step 0 is the
// creation step.
func approvers(r store.Request, gen statement.Genesis, s governance.Progress, step int) []wire.Approver {
	all := []wire.Approver{}
	for _, m := range gen.Members {
		a := wire.Approver{Member: m.Member, Name: m.Name, Curve: m.Approval.Crv, ChannelIn: m.ChannelIn}
		if k, err := jws.FromJWK(m.Approval); err == nil {
			a.Key = k.Thumbprint()
		}
		listed := false
		for _, id := range append(append([]string{}, s.Approved...), s.Waiting...) {
			listed = listed || id == m.Member
		}
		for _, v := range r.Decisions {
			if v.Member == m.Member && v.Step == step && v.Verdict == "" {
				at := time.Unix(v.At, 0).UTC()
				a.Decision, a.At, listed = v.Decision, &at, true
			}
		}
		if listed {
			all = append(all, a)
		}
	}
	return all
}

// judged is what a reviewer said.
func judged(d store.Decision, by string) wire.Event {
	said := map[governance.Verdict]string{
		governance.Approves: " approved", governance.Rejects: " rejected", governance.Defer: " left it to members", governance.Retries: " wants to be asked again",
	}[governance.Verdict(d.Verdict)]
	if d.Reason != "" {
		said += ": “" + d.Reason + "”"
	}
	return wire.Event{At: time.Unix(d.At, 0).UTC(), Type: "verdict", Text: by + said, Seq: d.Seq}
}

func history(r store.Request, v wire.Request, o *store.Order, names map[string]string) []wire.Event {
	h := []wire.Event{{At: r.Created, Type: "request", Text: "Requested", Seq: r.Seq}}
	for _, d := range r.Decisions {
		if d.Verdict != "" {
			h = append(h, judged(d, names[d.Member]))
			continue
		}
		e := wire.Event{At: time.Unix(d.At, 0).UTC(), Type: "approval", Text: names[d.Member] + " approved", Seq: d.Seq}
		switch d.Decision {
		case statement.Reject:
			e.Type, e.Text = "rejection", names[d.Member]+" rejected"
		case statement.Initiate:
			e.Type, e.Text = "initiation", names[d.Member]+" signed and sent it"
		}
		h = append(h, e)
	}
	if r.Outcome != "" {
		text := strings.ToUpper(r.Outcome[:1]) + strings.ToLower(r.Outcome[1:])
		h = append(h, wire.Event{At: time.Unix(r.Closed, 0).UTC(), Type: "outcome", Text: text, Seq: r.CloseSeq})
	}
	if o != nil {
		h = append(h, eventViews(o.History)...)
	}
	if v.State == wire.RequestLapsed && v.UseBy != nil {
		h = append(h, wire.Event{At: *v.UseBy, Type: "lapse", Text: "The approval ended", Seq: -1})
	}
	return h
}
