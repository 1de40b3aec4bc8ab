package rendezvous

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"countersign/shared/fault"
)

// vector is one case of shared/spec/vectors/relay.json; bytes are hexadecimal.
type vector struct {
	BridgeStatic     string `json:"bridge_static"` // private
	BridgeKey        string `json:"bridge_key"`
	Name             string `json:"name"`
	Shown            string `json:"shown"`
	Gateway          string `json:"gateway"`
	ChallengePrivate string `json:"challenge_private"`
	Challenge        string `json:"challenge"` // the message, a JSON text
	Register         string `json:"register"`
	Open             string `json:"open"`
}

const vectors = "../spec/vectors/relay.json"

func readVectors(t *testing.T) (all []vector) {
	t.Helper()
	data, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &all); err != nil || len(all) == 0 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	return all
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheNameOfTheVectorsFollowsFromTheKey(t *testing.T) {
	t.Parallel()
	for i, v := range readVectors(t) {
		if name := Name(unhex(t, v.BridgeKey)); name != v.Name || Show(name) != v.Shown {
			t.Errorf("case %d: %s, %s", i, name, Show(name))
		}
	}
}

func TestAPersonMayTypeANameInAnyForm(t *testing.T) {
	t.Parallel()
	name := Name(make([]byte, keySize))
	for _, typed := range []string{name, Show(name), strings.ToUpper(name), " " + strings.ReplaceAll(Show(name), "-", " ") + " ", "  " + Show(name)} {
		if got, err := Parse(typed); err != nil || got != name {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", "abcd", name[1:], name + "a", name[:25] + "1", name[:25] + "0", name[:25] + "\n", name[:24] + "é", strings.Repeat("-", 200) + name} {
		if got, err := Parse(typed); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}

func TestSubProtocolsCarryExactlyOneSecret(t *testing.T) {
	t.Parallel()
	for want, protocols := range map[string][]string{
		"abc": {"countersign.v1", "ticket.abc"},
		"":    {"countersign.v1", "ticket.abc", "ticket.def"},
		"d":   {"stream.abc", "ticket.d", "chat"},
	} {
		if got := Presented(protocols, Ticket); got != want {
			t.Errorf("%q: %q", protocols, got)
		}
	}
	if got := Presented([]string{"ticket.abc"}, Stream); got != "" {
		t.Errorf("a ticket is not a stream: %q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("abcd-efgh-ijkl-mnop-qrst-uvwx-yz")
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(Show(name)); !Valid(name) || err != nil || again != name {
			t.Errorf("%q: %q, then %q, %v", s, name, again, err)
		}
	})
}
