// Package governance decides what a request still needs: ordered rules × intent
// × approvals × time → a decision with reasons for people. It is pure: no clock,
// no I/O, no signatures; whoever calls it has verified the approvals. The signer
// (bridge/internal/signer) acts on it, and the page may explain with it. Spec:
// shared/spec/governance.md.
package governance

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// Set is the ordered list of rules that govern one account. Of the rules whose every
// condition matches, the first that denies governs a request, wherever it stands, else
// the first; when there is none, the request is denied. The groups and whitelists that
// rules name are objects of the vault, and count as they are when the rules are asked.
type Set struct {
	Version  int      `json:"version"` // from 1; grows with each change
	Rules    []Rule   `json:"rules"`
	Holidays []string `json:"holidays,omitempty"` // dates YYYY-MM-DD, ascending; no business days
	// RateSource is the id of a member, a program, who signs rates: what an asset is worth in
	// a currency, for rules with a RateWithin. Empty: nobody does.
	RateSource string `json:"rate_source,omitempty"`
}

// Group is a list of members that rules name by its id.
type Group struct {
	Group   string   `json:"group"` // grp_…
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

// List is a whitelist that rules name by its id: addresses outside the vault.
type List struct {
	Whitelist string  `json:"whitelist"` // wls_…
	Name      string  `json:"name"`
	Entries   []Entry `json:"entries"`
}

// Entry is an address of a whitelist, on the chain where it may receive.
type Entry struct {
	Address string `json:"address"`
	Chain   string `json:"chain"` // CAIP-2
	Label   string `json:"label"` // whose it is, a name
}

// Objects are what the rules of a vault name: who exists and may approve, groups,
// whitelists and accounts, as they are now.
type Objects struct {
	Members  []Member
	Groups   []Group
	Lists    []List
	Accounts []Account
}

// Rule is a list of conditions, all of which must match, and what a request that
// matches needs: ordered steps, or nothing but a refusal.
type Rule struct {
	Name string      `json:"name"`
	When []Condition `json:"when,omitempty"` // none: matches every purchase, and everything in a rule that denies
	Deny bool        `json:"deny,omitempty"`
	// Creation is the creation step: nothing is decided before one of its members has
	// signed the request, and that member is its initiator. nil: whoever the gateway brings
	// may ask, and nothing proves who did.
	Creation *Creation `json:"creation,omitempty"`
	Steps    []Step    `json:"steps,omitempty"`
	Within   int64     `json:"within,omitempty"` // seconds that a request may stay open; 0: 7 days
	// UseWithin is for how many seconds an approval can be used after it was given;
	// 0: 24 hours. What was not used by then needs a new request.
	UseWithin int64 `json:"use_within,omitempty"`
	// RateWithin is for how many seconds a rate is good, when conditions in a currency look
	// at the recorded [Value] of an asset; 0: they do not look at it.
	RateWithin int64 `json:"rate_within,omitempty"`
}

// purchase is the kind that every rule was for before there was another.
const purchase = "buy"

// For reports whether a rule is for a kind of intent: one that names kinds is for
// these, one that denies and names none is for all, and any other for purchases alone,
// so that no kind is allowed by a rule that was not written for it.
func (r Rule) For(kind string) bool {
	named := false
	for _, c := range r.When {
		if c.Filter == nil || len(c.Filter.Kinds) == 0 {
			continue
		}
		if !slices.Contains(c.Filter.Kinds, kind) {
			return false
		}
		named = true
	}
	return named || r.Deny || kind == purchase
}

// Creation is who may ask: named members, a group, or both together.
type Creation struct {
	Members []string `json:"members,omitempty"`
	Group   string   `json:"group,omitempty"` // grp_…
}

// Step is what must happen before the next one: a quorum of a group, of named members or
// of both together; one of several quorums; the verdict of a reviewer; or time that goes
// by.
type Step struct {
	Name             string   `json:"name"`
	Quorum           int      `json:"quorum,omitempty"`
	Members          []string `json:"members,omitempty"`
	Group            string   `json:"group,omitempty"`
	Any              []Quorum `json:"any,omitempty"`               // instead of the quorum: one of these is enough
	ExcludeInitiator bool     `json:"exclude_initiator,omitempty"` // the initiator may not approve; denies when none is proven
	// Delay is for how many seconds nothing happens, except that any member who could
	// approve a step of the rule may stop the request, by a rejection.
	Delay int64 `json:"delay,omitempty"`
	// Reviewer is the id of a member, a program, whose verdict is asked for first. The quorum
	// is that of the members it may leave the request to.
	Reviewer string `json:"reviewer,omitempty"`
}

// Quorum is how many of a group, of named members, or of both together.
type Quorum struct {
	Quorum  int      `json:"quorum"`
	Members []string `json:"members,omitempty"`
	Group   string   `json:"group,omitempty"`
}

// Quorums are the quorums of a step, of which one is enough; none where no member
// approves.
func (s Step) Quorums() []Quorum {
	if len(s.Any) > 0 || len(s.Members) == 0 && s.Group == "" {
		return s.Any
	}
	return []Quorum{{s.Quorum, s.Members, s.Group}}
}

// DefaultWithin is how long a request may stay open when its rule does not say.
const DefaultWithin = 7 * 24 * time.Hour

// DefaultUse is how long an approval can be used when its rule does not say.
const DefaultUse = 24 * time.Hour

// Use is how long an approval can be used for, of a rule's use_within.
func Use(within int64) time.Duration {
	if within == 0 {
		return DefaultUse
	}
	return time.Duration(within) * time.Second
}

// Ordered are the rules in the order in which they are asked: those that deny, then the
// others.
func (s Set) Ordered() []Rule {
	all := slices.Clone(s.Rules)
	slices.SortStableFunc(all, func(a, b Rule) int {
		switch {
		case a.Deny == b.Deny:
			return 0
		case a.Deny:
			return -1
		}
		return 1
	})
	return all
}

// Digest names the exact rules: base64url of the SHA-256 of their canonical
// JSON. Statements carry it.
func (s Set) Digest() string {
	sum := sha256.Sum256(s.canonical())
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
