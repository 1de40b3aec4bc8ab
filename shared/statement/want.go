package statement

import "time"

// Want is what the reader of an approval statement knows without it. An empty
// field is not compared; Now is always needed.
type Want struct {
	Entity   string
	Request  string
	Step     int
	Decision string
	Member   string
	Key      string // thumbprint of the member's approval key
	Channel  string // base64url of the handshake hash
	Nonce    string
	Now      time.Time
}

// Lifetime is the longest time between nbf and exp, and Skew how far two clocks
// may be apart.
const (
	Lifetime = 10 * time.Minute
	Skew     = 60 * time.Second
)

// CheckParties compares who and where with what is expected: entity, member, key
// and channel, in this order. It fails with STATEMENT_INVALID; details field.
func CheckParties(a Approval, want Want) error {
	return compare([]comparison{
		{"entity", a.Entity, want.Entity, "is another entity"},
		{"member", a.Member, want.Member, "is another member"},
		{"key", a.Key, want.Key, "is another key"},
		{"channel", a.Channel, want.Channel, "is another channel"},
	})
}

// Check is [CheckParties], then request, step, decision and nonce, then the
// clock: nbf and exp. It fails with STATEMENT_INVALID; details field names the
// first field that is wrong.
func Check(a Approval, want Want) error {
	if err := CheckParties(a, want); err != nil {
		return err
	}
	if err := compare([]comparison{
		{"request", a.Request, want.Request, "is another request"},
		{"step", itoa(a.Step), itoa(want.Step), "is another step"},
		{"decision", a.Decision, want.Decision, "is another decision"},
		{"nonce", a.Nonce, want.Nonce, "was not issued for this, or is spent"},
	}); err != nil {
		return err
	}
	if want.Now.Before(time.Unix(a.NotBefore, 0).Add(-Skew)) {
		return invalid("nbf", "lies in the future: this computer's clock is behind, or the signer's is ahead; check the clocks")
	}
	if !want.Now.Before(time.Unix(a.Expires, 0)) {
		return invalid("exp", "has passed: the statement is stale, or this computer's clock is ahead; check the clocks")
	}
	return nil
}

type comparison struct{ field, got, want, why string }

// compare skips what is not expected to be anything.
func compare(all []comparison) error {
	for _, c := range all {
		if c.want != "" && c.got != c.want {
			return invalid(c.field, c.why)
		}
	}
	return nil
}
