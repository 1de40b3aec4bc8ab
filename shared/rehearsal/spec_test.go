package rehearsal

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"countersign/shared/signedlog"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/rehearsal.json"

// vector is one row of shared/spec/vectors/rehearsal.json.
type vector struct {
	Name     string          `json:"name"`
	From     Vault           `json:"from"`
	To       Vault           `json:"to"`
	Findings []Finding       `json:"findings"`
	Log      *signedlog.Mark `json:"log"`
	History  []Past          `json:"history"`
	Report   Report          `json:"report"`
	Digest   string          `json:"digest"`
	Summary  []string        `json:"summary"`
}

func vectors(t *testing.T) (all []vector) {
	t.Helper()
	log := &signedlog.Mark{Size: 17, Head: "fxOVPMgYFjwTpdT9UVqdBjDXQp8VWRAaQeXRFW_8c9M"}
	pending := bought(5, "20").open()
	pending.Needed = 1
	sent := bought(6, "60", "mem_bob")
	sent.Initiator = "mem_alice"
	for _, c := range []vector{
		{Name: "a mistake of each kind, and nothing changes", From: sample(), To: sample()},
		{Name: "two approvals from 100 EUR on, and more a day", From: sample(), To: changed(), Log: log, History: []Past{
			bought(0, "50", "mem_bob"), bought(1, "500", "mem_bob"), bought(2, "900", "mem_bob"), bought(3, "200", "mem_bob").open(), pending, sent}},
	} {
		r, err := Compare(c.From, c.To, c.Log, History(c.History...), nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Findings, c.Report, c.Digest, c.Summary = Rehearse(c.To), r, r.Digest(), r.Summary()
		if c.History == nil {
			c.History = []Past{}
		}
		all = append(all, c)
	}
	return all
}

func TestTheVectorsAreWhatTheCodeSays(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(vectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the vectors are not what the code says: look at what changed, then go test ./shared/rehearsal -update")
	}
	var again []vector
	if err := strictjson.Unmarshal(want, &again, len(want)); err != nil {
		t.Fatal(err)
	}
	for _, v := range again {
		r, err := Compare(v.From, v.To, v.Log, History(v.History...), nil)
		if err != nil || r.Digest() != v.Digest || !slices.Equal(r.Summary(), v.Summary) {
			t.Errorf("%s: %s, %v", v.Name, r.Digest(), err)
		}
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeReport(data); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}

func TestThePagesExamplesAreAVaultAndAReport(t *testing.T) {
	t.Parallel()
	example := spec.Examples(t, "rehearsal.md", "Vault", "json")[0]
	v, err := Decode([]byte(example))
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{"admin_rule", "members", "groups", "whitelists", "accounts"} {
		if !bytes.Contains([]byte(example), []byte(`"`+name+`":`)) {
			t.Errorf("the example of a vault does not show %s", name)
		}
	}
	if len(Rehearse(v)) == 0 {
		t.Error("nothing is said of the example")
	}
	example = spec.Examples(t, "rehearsal.md", "Report", "json")[0]
	r, err := DecodeReport([]byte(example))
	if err != nil {
		t.Error(err)
	}
	spec.Shows(t, "a report", example, r, "new.rule", "new.step", "new.reviewers", "new.together", "new.more", "gone", "left_out.pending", "left_out.gone")
}

func TestThePageHasTheCodesEffectsAndLimits(t *testing.T) {
	t.Parallel()
	var said, kept []string
	for _, c := range codes {
		said = append(said, string(c))
	}
	for _, e := range effects {
		kept = append(kept, string(e))
	}
	spec.Same(t, "codes", spec.Column(t, "rehearsal.md", "Findings", "code", 0), said)
	spec.Same(t, "effects", spec.Column(t, "rehearsal.md", "Back-test", "effect", 0), kept)
	limit := func(name string, numbers ...int) {
		t.Helper()
		for _, n := range numbers {
			spec.Limit(t, "rehearsal.md", name, spec.Number(n))
		}
	}
	limit("report", MaxReport)
	limit("vault", MaxSize, maxMembers, maxAccounts, maxObjects)
	limit("`new`, `gone`", maxFindings)
	limit("`pending`", maxPending)
	limit("examples of an effect", maxExamples)
	limit("members who move something together", maxTogether, maxListed)
	limit("sentence", maxText)
}
