package channel

import (
	"fmt"
	"testing"

	"countersign/shared/spec"
)

func TestThePageHasTheLimitsOfAChannel(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "channel.md", "record", spec.Number(MaxRecord), spec.Number(MaxPlaintext))
	spec.Limit(t, "channel.md", "certificate", spec.Number(MaxPayload))
	spec.Limit(t, "channel.md", "replay window", spec.Number(Window))
	spec.Limit(t, "channel.md", "key", spec.Number(RekeyEvery), fmt.Sprintf("%.0f hour", RekeyAfter.Hours()))
	spec.Limit(t, "channel.md", "session", fmt.Sprintf("%.0f hours", Life.Hours()))
	spec.Limit(t, "channel.md", "key number ahead of the newest seen", fmt.Sprint(maxAhead))
	spec.Limit(t, "channel.md", "receiving keys kept", fmt.Sprint(keptKeys))
	for i, s := range []Suite{Secp256k1, P256} {
		row := spec.Table(t, "channel.md", "Suites", "number")[i]
		if row[0] != fmt.Sprint(i+1) || row[1] != "`"+s.String()+"`" || int(s) != i+1 {
			t.Errorf("the page has %v for %s", row, s)
		}
	}
}

func TestThePageHasTheSizesOfTheActs(t *testing.T) {
	t.Parallel()
	for i, size := range []string{fmt.Sprint(Act1Size), fmt.Sprint(Act2Size), fmt.Sprintf("%d to %s", minAct3, spec.Number(minAct3+MaxPayload))} {
		if row := spec.Table(t, "channel.md", "Handshake", "act")[i]; row[2] != size {
			t.Errorf("act %d: the page has %v, the code %s", i+1, row, size)
		}
	}
}
