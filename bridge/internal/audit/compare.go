package audit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// answers are what a gateway says of a vault at one moment.
type answers struct {
	requests []wire.Request
	accounts []wire.Account
	vault    wire.Vault
	entity   wire.Entity
}

// answers reads them; the entity, which says how far the gateway has read the log, last. Of
// more requests than most it reads one page more: a gateway could show some for ever.
func (a *auditor) answers(ctx context.Context, most int) (out answers, err error) {
	for cursor := ""; ; {
		q := url.Values{"limit": {strconv.Itoa(wire.MaxLimit)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page wire.Page[wire.Request]
		if err := a.get(ctx, "/v1/requests", q, &page); err != nil {
			return out, err
		}
		out.requests = append(out.requests, page.Items...)
		if cursor = page.NextCursor; cursor == "" || len(page.Items) == 0 || len(out.requests) > most {
			break
		}
	}
	var accounts wire.Accounts
	if err := a.get(ctx, "/v1/accounts", nil, &accounts); err != nil {
		return out, err
	}
	out.accounts = accounts.Accounts
	if err := a.get(ctx, "/v1/vault", nil, &out.vault); err != nil {
		return out, err
	}
	return out, a.get(ctx, "/v1/entity", nil, &out.entity)
}

// found collects differences.
type found []string

// same notes what the gateway says otherwise about something.
func (f *found) same(about, what string, says, log any) {
	if fmt.Sprint(says) != fmt.Sprint(log) {
		*f = append(*f, fmt.Sprintf("%s: the gateway says that its %s is %q, the log %q", about, what, fmt.Sprint(says), fmt.Sprint(log)))
	}
}

// sets notes what one of the two does not have, and what the gateway shows twice.
func (f *found) sets(what string, says, log []string) {
	known, shown := map[string]bool{}, map[string]bool{}
	for _, id := range log {
		known[id] = true
	}
	for _, id := range says {
		if !known[id] {
			*f = append(*f, fmt.Sprintf("%s: the gateway shows this %s, and the log has none", id, what))
		} else if shown[id] {
			*f = append(*f, fmt.Sprintf("%s: the gateway shows this %s twice", id, what))
		}
		shown[id] = true
	}
	for _, id := range log {
		if !shown[id] {
			*f = append(*f, fmt.Sprintf("%s: the log has this %s, and the gateway does not show it", id, what))
		}
	}
}

// differences compares the answers with the log.
func (r *replay) differences(a answers) []string {
	var f found
	g := r.state.Current()
	f.same(g.Entity, "id", a.entity.ID, g.Entity)
	f.same(g.Entity, "name", a.entity.Name, g.EntityName)
	f.same(g.Entity, "head of the log", a.entity.Log.Head, r.chain.Mark.Head)

	var shown, known []string
	for _, m := range a.entity.Members {
		shown = append(shown, m.ID)
		is := r.state.Member(m.ID)
		if is == nil {
			continue
		}
		f.same(m.ID, "name", m.Name, is.Name)
		f.same(m.ID, "role", m.Role, is.Role)
		f.same(m.ID, "person or program", m.Is, is.Is)
		f.same(m.ID, "approval key", m.Key, is.ApprovalKey.Thumbprint())
	}
	for _, m := range g.Members {
		known = append(known, m.Member)
	}
	f.sets("member", shown, known)

	shown, known = nil, nil
	for _, w := range a.accounts {
		shown = append(shown, w.ID)
		for _, is := range g.Accounts {
			if is.Account == w.ID {
				f.same(w.ID, "name", w.Name, is.Name)
				f.same(w.ID, "chain", w.Chain, is.Chain)
				f.same(w.ID, "address", w.Address, is.Address)
				f.same(w.ID, "tier", w.Tier, is.Tier)
				f.same(w.ID, "parent", w.Parent, is.Parent)
				f.same(w.ID, "sweep", intent.SweepLines(w.Sweep), intent.SweepLines(is.Sweep))
				f.same(w.ID, "rules", w.Rules.Digest(), is.Rules.Digest())
			}
		}
	}
	for _, is := range g.Accounts {
		known = append(known, is.Account)
	}
	f.sets("account", shown, known)

	f.reportingKeys(a.vault.ReportingKeys, r.state.Governance)

	shown = nil
	for _, w := range a.requests {
		shown = append(shown, w.ID)
		if is := r.requests[w.ID]; is != nil {
			f.request(w, is)
		}
	}
	f.sets("request", shown, slices.Sorted(maps.Keys(r.requests)))
	return f
}

// reportingKeys compares those that the gateway shows. One whose time is over, by the gateway's
// clock, may be shown as such.
func (f *found) reportingKeys(says []wire.VaultReportingKey, log *vault.Governance) {
	var shown, known []string
	for _, w := range says {
		shown = append(shown, w.ID)
		is, ok := log.Reporting(w.ID)
		if !ok {
			continue
		}
		expires := int64(0)
		if w.Expires != nil {
			expires = w.Expires.Unix()
		}
		f.same(w.ID, "name", w.Name, is.Name)
		f.same(w.ID, "version", w.Version, log.ReportingKey(w.ID).Version)
		f.same(w.ID, "scope", fmt.Sprint(w.Reads, " ", w.Accounts), fmt.Sprint(is.Scope, " ", is.Accounts))
		f.same(w.ID, "verifier", w.Verifier, is.Verifier)
		f.same(w.ID, "end", expires, is.Expires)
		if w.State != intent.Expired || is.At(is.Expires) != intent.Expired {
			f.same(w.ID, "state", w.State, is.State)
		}
	}
	for _, is := range log.ReportingKeys {
		known = append(known, is.ID)
	}
	f.sets("reporting key", shown, known)
}

func (f *found) request(w wire.Request, is *vault.Request) {
	if !slices.Contains(states(is), w.State) {
		f.same(w.ID, "state", w.State, states(is)[0])
	}
	if !bytes.Equal(w.Intent, is.Intent) {
		f.same(w.ID, "intent", string(w.Intent), string(is.Intent))
	}
	f.same(w.ID, "digest of its intent", w.IntentDigest, intent.Digest(is.Intent))
	if !w.Impact.Equal(is.Impact) {
		f.same(w.ID, "impact", w.Impact.Lines(), is.Impact.Lines())
	}
	by := is.GovernedBy
	f.same(w.ID, "rule", fmt.Sprintf("%s, version %d of %s, %s", w.Rule.Name, w.Rule.Version, w.Rule.RuleSet, w.Rule.Digest),
		fmt.Sprintf("%s, version %d of %s, %s", by.Rule, by.Version, by.RuleSet, by.Digest))
	f.same(w.ID, "creation", w.CreatedAt.UTC().Format(time.RFC3339), is.CreatedAt.Format(time.RFC3339))
	f.same(w.ID, "end", w.ExpiresAt.UTC().Format(time.RFC3339), time.Unix(is.Expires, 0).UTC().Format(time.RFC3339))
	initiator := ""
	if w.Initiator != nil {
		initiator = w.Initiator.Member
	}
	f.same(w.ID, "initiator", initiator, is.Initiator())
	shown := wire.DepositInfo{}
	if w.Address != nil {
		shown = *w.Address
	}
	to, _ := is.Receives()
	f.same(w.ID, "address", shown.Address, to.Address)
	f.same(w.ID, "attestation", shown.Attestation, is.Attestation)
	var said, logged []string
	for _, e := range w.History {
		if e.Seq >= 0 && e.Type != "request" && e.Type != "outcome" {
			said = append(said, fmt.Sprint(e.Type, " ", e.Seq))
		}
	}
	for _, a := range is.Accepted {
		logged = append(logged, fmt.Sprint(decisions[a.Decision], " ", a.Seq))
	}
	f.same(w.ID, "decisions, by their entries,", said, logged)
}

// decisions are what a gateway calls them.
var decisions = map[string]string{statement.Approve: "approval", statement.Reject: "rejection", statement.Initiate: "initiation"}

// states are those in which a gateway may show a request, what the log says first.
func states(is *vault.Request) []string {
	switch is.Outcome {
	case "APPROVED":
		return []string{wire.RequestApproved, wire.RequestLapsed, wire.RequestOrdered, wire.RequestCompleted, wire.RequestFailed, wire.RequestCancelled}
	case "REJECTED":
		return []string{wire.RequestRejected}
	case "EXPIRED":
		return []string{wire.RequestExpired}
	case "BLOCKED":
		return []string{wire.RequestBlocked}
	}
	return []string{wire.RequestPending, wire.RequestUnsent, wire.RequestExpired} // whose end the signer writes with its next entry
}
