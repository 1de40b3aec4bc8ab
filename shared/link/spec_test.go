package link

import (
	"fmt"
	"testing"

	"countersign/shared/spec"
)

func TestThePageHasTheLimitsOfALink(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "link.md", "origin", fmt.Sprint(maxOrigin))
	spec.Limit(t, "link.md", "record", spec.Number(MaxRecord), spec.Number(MaxPlaintext))
	for i, size := range []int{Message1Size, Message2Size, Message3Size} {
		if row := spec.Table(t, "link.md", "Protocol", "message")[i]; row[2] != fmt.Sprint(size) {
			t.Errorf("message %d: the page has %v, the code %d", i+1, row, size)
		}
	}
}
