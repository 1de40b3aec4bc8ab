package link

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/link.json"

// vectors is the file; the README of the vectors is link.md's last section.
type vectors struct {
	Comment string   `json:"comment"`
	Cases   []vector `json:"cases"`
}

// vector is one handshake with everything that is random in it, in hex.
type vector struct {
	Name            string         `json:"name"`
	Origin          string         `json:"origin"`
	PageStatic      string         `json:"page_static"` // private keys
	PageEphemeral   string         `json:"page_ephemeral"`
	PageNonce       string         `json:"page_nonce"`
	BridgeStatic    string         `json:"bridge_static"`
	BridgeEphemeral string         `json:"bridge_ephemeral"`
	BridgeNonce     string         `json:"bridge_nonce"`
	Message1        string         `json:"message1"`
	Message2        string         `json:"message2"`
	Message3        string         `json:"message3"`
	HandshakeHash   string         `json:"handshake_hash"`
	Code            string         `json:"code"`
	Records         []vectorRecord `json:"records"`
}

type vectorRecord struct {
	From      string `json:"from"` // page or bridge
	Counter   int    `json:"counter"`
	Plaintext string `json:"plaintext"`
	Record    string `json:"record"`
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// play runs a vector's inputs and returns it with its outputs.
func (v vector) play(t *testing.T) vector {
	t.Helper()
	key := func(private string) *Key {
		k, err := ParseKey(unhex(t, private))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	random := func(parts ...string) io.Reader {
		var b bytes.Buffer
		for _, p := range parts {
			b.Write(unhex(t, p))
		}
		return &b
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	i, err := NewInitiator(InitiatorConfig{DH: key(v.PageStatic), Origin: v.Origin, Rand: random(v.PageNonce, v.PageEphemeral)})
	must(err)
	r, err := NewResponder(ResponderConfig{DH: key(v.BridgeStatic), Origin: v.Origin, Rand: random(v.BridgeNonce, v.BridgeEphemeral)})
	must(err)
	m1, err := i.Start()
	must(err)
	m2, err := r.Accept(m1)
	must(err)
	m3, page, err := i.Finish(m2)
	must(err)
	bridge, err := r.Finish(m3)
	must(err)
	v.Message1, v.Message2, v.Message3 = hex.EncodeToString(m1), hex.EncodeToString(m2), hex.EncodeToString(m3)
	v.HandshakeHash, v.Code = hex.EncodeToString(bridge.HandshakeHash()), bridge.Code()
	if page.Code() != bridge.Code() {
		t.Error("the codes differ")
	}
	v.Records = append([]vectorRecord(nil), v.Records...)
	sealed := map[string]int{}
	for n, rec := range v.Records {
		from, to := page, bridge
		if rec.From == "bridge" {
			from, to = bridge, page
		}
		for ; sealed[rec.From] < rec.Counter; sealed[rec.From]++ { // what the others say does not matter
			skipped, err := from.Seal(nil)
			must(err)
			_, err = to.Open(skipped)
			must(err)
		}
		record, err := from.Seal(unhex(t, rec.Plaintext))
		must(err)
		plaintext, err := to.Open(record)
		must(err)
		if hex.EncodeToString(plaintext) != rec.Plaintext {
			t.Error("another plaintext came out")
		}
		sealed[rec.From]++
		v.Records[n].Record = hex.EncodeToString(record)
	}
	return v
}

func TestVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := strictjson.Unmarshal(data, &all, 1<<20); err != nil {
		t.Fatal(err)
	}
	if len(all.Cases) == 0 {
		t.Fatal("there are no vectors")
	}
	got := vectors{Comment: all.Comment}
	for _, v := range all.Cases {
		got.Cases = append(got.Cases, v.play(t))
	}
	out, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, out, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(out, data) {
		t.Errorf("the vectors are not what this implementation computes; got:\n%s", out)
	}
}

func TestTheSpecNamesTheLimits(t *testing.T) {
	t.Parallel()
	page := spec.Page(t, "link.md")
	text := strings.ReplaceAll(page, ",", "")
	for name, n := range map[string]int{
		"message 1": Message1Size, "message 2": Message2Size, "message 3": Message3Size, "record": MaxRecord,
		"plaintext": MaxPlaintext, "origin": maxOrigin, "records under a key": RekeyEvery, "last version": maxVersion,
		"handshakes that did not end": MaxAbandoned,
	} {
		if !strings.Contains(text, strconv.Itoa(n)) {
			t.Errorf("link.md does not name the limit %d (%s)", n, name)
		}
	}
	for _, label := range []string{prologueLabel, commitLabel, codeLabel} {
		if !strings.Contains(text, label) {
			t.Errorf("link.md does not name the label %s", label)
		}
	}
}
