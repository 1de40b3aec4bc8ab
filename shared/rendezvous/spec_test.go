//go:build !js

package rendezvous

import (
	"regexp"
	"strings"
	"testing"

	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func TestThePagesExampleIsMadeOfControlMessages(t *testing.T) {
	t.Parallel()
	text := strings.Join(spec.Examples(t, "relay.md", "Example", ""), "\n")
	text = strings.ReplaceAll(text, ",\n          ", ",")
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:gateway|bridge) +(\{.*\})$`).FindAllStringSubmatch(text, -1) {
		var head struct {
			Type   string `json:"type"`
			Key    string `json:"key"`
			Proof  string `json:"proof"`
			Stream string `json:"stream"`
			Origin string `json:"origin"`
		}
		if err := strictjson.Unmarshal([]byte(m[1]), &head, MaxControl); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
		if _, err := DecodeMessage([]byte(m[1]), head.Type); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
		seen[head.Type] = true
	}
	for _, kind := range []string{Challenge, Register, Registered, Open} {
		if !seen[kind] {
			t.Errorf("the example does not show %s", kind)
		}
	}
	if name := regexp.MustCompile(`\{"name":"([a-z0-9]+)"\}`).FindStringSubmatch(text); name == nil || !Valid(name[1]) || !strings.Contains(spec.Page(t, "relay.md"), Show(name[1])) {
		t.Errorf("the example's name is %v", name)
	}
}
