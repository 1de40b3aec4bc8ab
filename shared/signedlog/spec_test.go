package signedlog

import (
	"testing"

	"countersign/shared/spec"
)

func TestThePagesExampleIsAnEntryAndItHasTheTypes(t *testing.T) {
	t.Parallel()
	example := spec.Examples(t, "signedlog.md", "Form", "json")[0]
	e, err := Decode([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	spec.Shows(t, "an entry", example, e)
	spec.Same(t, "types", spec.Column(t, "signedlog.md", "Form", "type", 0), []string{Genesis, Request, Initiation, Approval, Verdict, Governed, Outcome, Signing, Signed, SigningMessage, SignedMessage, Sweeping, Swept, Clock, Checkpoint})
}

func TestThePageHasTheLimitsOfTheLog(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "signedlog.md", "line", spec.Number(MaxLine))
	spec.Limit(t, "signedlog.md", "note", spec.Number(MaxNote))
	spec.Limit(t, "signedlog.md", "body", spec.Number(MaxBody))
	spec.Limit(t, "signedlog.md", "entries that become durable together", spec.Number(MaxBatch))
}
