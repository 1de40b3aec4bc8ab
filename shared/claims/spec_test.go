package claims

import (
	"testing"

	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func TestThePagesExampleHasExactlyTheClaims(t *testing.T) {
	t.Parallel()
	example := spec.Examples(t, "tokens.md", "The token", "json")[0]
	var c Claims
	if err := strictjson.Unmarshal([]byte(example), &c, MaxToken); err != nil {
		t.Fatal(err)
	}
	spec.Shows(t, "the claims", example, c)
}
