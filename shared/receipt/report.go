package receipt

import (
	"fmt"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fingerprint"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// Lines are the report for a person: what was approved, by whom and under which rule,
// where it is in the log, and what of it is the gateway's word only.
func (r Report) Lines() []intent.Line {
	q := r.Request
	all := []intent.Line{{Label: "Receipt of", Value: q.Wants.Title()}, {Label: "It was", Value: strings.ToLower(q.Outcome) + ", " + when(r.Closed)}, {}}
	all = append(append(all, q.Wants.Lines()...), intent.WhyLines(q.Wants)...)
	all = append(all, intent.Line{},
		intent.Line{Label: "Request", Value: q.Request},
		intent.Line{Label: "Asked for", Value: when(q.Created) + ", until " + when(q.Expires)},
		intent.Line{Label: "Rule", Value: fmt.Sprintf("%s, version %d of the rules of %s", name.Within(q.GovernedBy.Rule), q.GovernedBy.Version, q.GovernedBy.RuleSet)},
		intent.Line{Label: "Its digest", Value: q.GovernedBy.Digest})
	if v := q.Recorded.Value; v != nil {
		all = append(all, intent.Line{Label: "Worth", Value: fmt.Sprintf("%s at %s, signed by %s, %s", worth(v.Amount, v.Currency), v.Rate, r.member(v.Source), when(v.At))})
	}
	for _, p := range r.Decision.Steps {
		all = append(all, intent.Line{Label: "Step", Value: fmt.Sprintf("%s: %d of %d", name.Within(p.Name), len(p.Approved), p.Needed)})
	}
	all = append(all, r.decisions(q)...)
	if to, ok := q.Receives(); ok {
		all = append(all, intent.Line{Label: "Address", Value: to.Address + ": its key is in the vault, which made it for this request"})
	}
	all = append(append(all, r.transactions()...), r.signature()...)
	for _, c := range r.Changes {
		all = append(all, intent.Line{}, intent.Line{Label: "Before it", Value: c.Wants.Title() + " (" + c.Request + ")"})
		all = append(all, r.decisions(c)...)
	}
	all = append(all, intent.Line{},
		intent.Line{Label: "Vault", Value: name.WithID(r.Genesis.EntityName, r.Genesis.Entity)},
		intent.Line{Label: "Root key", Value: r.Root},
	)
	if f, err := fingerprint.Of(r.Root); err == nil { // which it is, of a key
		words, digits := f.Lines()
		for i, line := range append(words, digits...) {
			label := ""
			switch i {
			case 0:
				label = "In words"
			case len(words):
				label = "In digits"
			}
			all = append(all, intent.Line{Label: label, Value: line})
		}
	}
	all = append(all, intent.Line{Label: "Log", Value: fmt.Sprintf("%d entries, root %s", r.Note.Size, r.Note.Root)})
	if r.LedTo == nil {
		return all
	}
	all = append(all, intent.Line{}, intent.Line{Label: "The gateway says, and the vault does not vouch for it:"},
		intent.Line{Label: "Order", Value: fmt.Sprintf("%s at %s, %s", quoted(r.LedTo.Order), quoted(r.LedTo.Provider), quoted(r.LedTo.State))})
	for _, tx := range r.LedTo.Transactions {
		all = append(all, intent.Line{Label: "Transaction", Value: quoted(tx)})
	}
	return all
}

// Text is [Report.Lines] with the values under each other.
func (r Report) Text() string { return statement.Align(r.Lines()) }

func (r Report) member(id string) string { return name.WithID(r.Names[id], id) }

// transactions are what the vault signed to carry it out: at most one of them is in a block.
func (r Report) transactions() (all []intent.Line) {
	for i, a := range r.Attempts {
		tx, _, err := a.Signed()
		if err != nil { // it was verified
			continue
		}
		label := "Transaction"
		if i > 0 {
			label = "Or"
		}
		all = append(all, intent.Line{Label: label, Value: fmt.Sprintf("%s, nonce %d, of %s, signed %s", tx.Hash, a.Nonce, tx.From, when(a.At))})
	}
	return all
}

// signature is what the vault signed of a message. That it is the account's was verified.
func (r Report) signature() []intent.Line {
	m, ok := r.Request.Wants.(intent.Messenger)
	if r.Signature == nil || !ok {
		return nil
	}
	signs, err := m.Signs()
	if err != nil { // it was verified
		return nil
	}
	return []intent.Line{
		{Label: "Signature", Value: r.Signature.Signature}, {Label: "By", Value: signs.Address + ", " + when(r.Signature.At)},
		{Label: "Of digest", Value: fmt.Sprintf("0x%x", signs.Digest)},
	}
}

// decisions are what members signed about a request.
func (r Report) decisions(q *vault.Request) (all []intent.Line) {
	for _, a := range q.Accepted {
		by := r.member(a.Member)
		if a.Verdict != "" {
			by += ", " + string(a.Verdict)
		}
		all = append(all, intent.Line{Label: said(a), Value: fmt.Sprintf("%s, %s, entry %d", by, when(a.At.Unix()), a.Seq)})
	}
	return all
}

func said(a vault.Accepted) string {
	switch {
	case a.Verdict != "":
		return "Judged by"
	case a.Decision == statement.Approve:
		return "Approved by"
	case a.Decision == statement.Reject:
		return "Rejected by"
	}
	return "Initiated by"
}

// worth is a recorded value, which was checked.
func worth(value, currency string) string { return amount.Money(amount.Must(value), currency) }

func when(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }

// quoted is a text that others chose, in ASCII.
func quoted(s string) string { return fmt.Sprintf("%+q", s) }
