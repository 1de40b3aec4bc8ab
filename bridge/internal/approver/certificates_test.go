package approver

import (
	"strings"
	"testing"
)

func TestAKeysURIIsCheckedAtTheStartAndNeverPrinted(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	for uri, says := range map[string]string{
		"pkcs11:token=alice;object=approval?pin-value=4711":        "a PIN or a module does not belong here",
		"pkcs11:token=alice;object=approval?pin-source=file:/4711": "the bridge asks for the PIN",
		"alice 4711": "does not start with pkcs11:",
		"":           "does not start with pkcs11:",
	} {
		cfg := g.cfg
		cfg.Identities = append([]IdentityConfig(nil), g.cfg.Identities...)
		cfg.Identities[0].ApprovalKey = uri
		_, err := New(cfg, Deps{})
		if err == nil || !strings.Contains(err.Error(), "approval_key") || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "4711") {
			t.Errorf("%q: %v", uri, err)
		}
	}
}
