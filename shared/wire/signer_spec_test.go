package wire

import (
	"fmt"
	"strings"
	"testing"

	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func TestTheExamplesOfTheSignerLinkAreReadAndShowEveryField(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, block := range spec.Examples(t, "signer-link.md", "Messages", "json") {
		lines = append(lines, strings.Split(block, "\n")...)
	}
	into := []any{new(SignerStatus), new(SignerRequestInput), new(SignerRequest), new(SignerTransactionInput), new(SignerTransaction), new(SignerSignature), new(SignerSweepInput), new(SignerRecord), new(SignerChannel), new(SignerReply), new(SignerLogPage), new(SignerNote), new(SignerReviews), new(SignerVerdict), new(SignerRates), new(SignerRateInput), new(Certificate)}
	if len(lines) != len(into) {
		t.Fatalf("the page has %d examples, want %d", len(lines), len(into))
	}
	for i, line := range lines {
		if err := strictjson.Unmarshal([]byte(line), into[i], 1<<20); err != nil {
			t.Errorf("%T: %v", into[i], err)
		}
		spec.Shows(t, fmt.Sprintf("%T", into[i]), line, into[i], append(shownInGovernance, "initiators", "impact", "try")...)
	}
}

func TestTheExamplesOfTokensAreRead(t *testing.T) {
	t.Parallel()
	for line := range strings.SplitSeq(spec.Examples(t, "tokens.md", "Getting one", "json")[0], "\n") {
		if err := Decode([]byte(line), new(TokenRequest), MaxBody); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
