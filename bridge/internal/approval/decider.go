package approval

import (
	"context"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/unlock"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// Decider decides whether statements are signed.
type Decider interface {
	// Decide returns nil when they are. It fails with DECLINED or SITE_BLOCKED when they
	// are not to be; every other error says that nothing was decided.
	Decide(ctx context.Context, q Question) error
}

// Question is what is to be decided: one statement, or several at once.
type Question struct {
	Key        *unlock.Key // would sign
	EntityName string
	Decision   string          // that would be signed: [statement.Approve], [statement.Reject] or [statement.Initiate]
	Wants      []intent.Intent // what it is a decision on
	What       string          // the same in words: "a purchase", "3 purchases"
	Text       string          // the same for a person
}

// Person is the [Decider] that asks at the bridge's own prompt.
type Person struct{}

// Decide shows the text. Each decision has a word of its own to type.
func (Person) Decide(ctx context.Context, q Question) error {
	ask := consent.Question{Title: "Approve " + q.What + " of " + q.EntityName, Word: consent.Word, Text: q.Text}
	switch q.Decision {
	case statement.Reject:
		ask.Title, ask.Word = "Reject "+q.What+" of "+q.EntityName, consent.RejectWord
	case statement.Initiate:
		ask.Title, ask.Word = "Sign and send "+q.What+" of "+q.EntityName, consent.SendWord
	}
	return q.Key.Confirm(ctx, ask)
}
