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

// Set is the ordered list of rules that govern one account. The first rule whose
// every condition matches governs a request; when none does, the request is denied.
// The groups and whitelists that rules name are objects of the vault, and count as
// they are when the rules are asked.
type Set struct {
	Version int    `json:"version"` // from 1; grows with each change
	Rules   []Rule `json:"rules"`
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

// Objects are what the rules of a vault name: who exists and may approve, groups and
// whitelists, as they are now.
type Objects struct {
	Members []Member
	Groups  []Group
	Lists   []List
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

// Step is a quorum of a group, of named members, or of both together.
type Step struct {
	Name             string   `json:"name"`
	Quorum           int      `json:"quorum"`
	Members          []string `json:"members,omitempty"`
	Group            string   `json:"group,omitempty"`             // grp_…
	ExcludeInitiator bool     `json:"exclude_initiator,omitempty"` // the initiator may not approve; denies when none is proven
}

// Condition is exactly one of its members.
type Condition struct {
	Amount    *Amount    `json:"amount,omitempty"`
	Whitelist *Whitelist `json:"whitelist,omitempty"`
	Window    *Window    `json:"window,omitempty"`
	Filter    *Filter    `json:"filter,omitempty"`
	Velocity  *Velocity  `json:"velocity,omitempty"`
}

// Amount matches when the intent spends between Min and Max, both included, of
// Currency. What is spent in another unit never matches.
type Amount struct {
	Currency string `json:"currency"`      // ISO 4217, or the LedgerId of an asset
	Min      string `json:"min,omitempty"` // decimal; absent: no lower bound
	Max      string `json:"max,omitempty"` // decimal; absent: no upper bound
}

// Whitelist matches when the intent's address is in a whitelist of the vault, for its
// chain, and its provider is listed; what is absent allows every value.
type Whitelist struct {
	Whitelist string   `json:"whitelist,omitempty"` // wls_…
	Providers []string `json:"providers,omitempty"`
}

// Window matches inside the hours [From, To) of the days, in UTC.
type Window struct {
	Days []string `json:"days,omitempty"` // mon … sun; absent: every day
	From string   `json:"from"`           // HH:MM
	To   string   `json:"to"`             // HH:MM, 24:00 for the end of the day; after From
}

// Filter matches the kind and the asset of the intent; an absent list allows
// every value.
type Filter struct {
	Kinds  []string `json:"kinds,omitempty"`
	Assets []string `json:"assets,omitempty"`
}

// Velocity matches while what the account spent in the last Seconds, and this
// intent, stay within Max.
type Velocity struct {
	Currency string `json:"currency"` // as of [Amount]
	Seconds  int64  `json:"seconds"`
	Max      string `json:"max"`
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

// Digest names the exact rules: base64url of the SHA-256 of their canonical
// JSON. Statements carry it.
func (s Set) Digest() string {
	sum := sha256.Sum256(s.canonical())
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
