package channel

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/channel.json"

type vectors struct {
	Comment string   `json:"comment"`
	Cases   []vector `json:"cases"`
}

// vector is one handshake with everything that is random in it, in hex.
type vector struct {
	Suite           string         `json:"suite"`
	Entity          string         `json:"entity"`
	BridgeStatic    string         `json:"bridge_static"` // private keys
	BridgeEphemeral string         `json:"bridge_ephemeral"`
	SignerStatic    string         `json:"signer_static"`
	SignerEphemeral string         `json:"signer_ephemeral"`
	SignerPublic    string         `json:"signer_public"`
	BridgePublic    string         `json:"bridge_public"`
	Payload         string         `json:"payload"`
	Act1            string         `json:"act1"`
	Act2            string         `json:"act2"`
	Act3            string         `json:"act3"`
	HandshakeHash   string         `json:"handshake_hash"`
	ID              string         `json:"id"`
	Records         []vectorRecord `json:"records"`
}

type vectorRecord struct {
	From      string `json:"from"` // bridge or signer
	Key       uint32 `json:"key"`
	Counter   uint64 `json:"counter"`
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

func (v vector) suite(t *testing.T) Suite {
	t.Helper()
	for _, s := range suites {
		if s.String() == v.Suite {
			return s
		}
	}
	t.Fatalf("unknown suite %q", v.Suite)
	return 0
}

// play runs the inputs through the package and returns the vector with outputs.
func (v vector) play(t *testing.T) vector {
	t.Helper()
	suite := v.suite(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bridge := newKey(t, suite, bytes.NewReader(unhex(t, v.BridgeStatic)))
	signer := newKey(t, suite, bytes.NewReader(unhex(t, v.SignerStatic)))
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	i, err := NewInitiator(InitiatorConfig{Suite: suite, Static: bridge, Remote: signer.public, Entity: v.Entity,
		Rand: bytes.NewReader(unhex(t, v.BridgeEphemeral)), Now: now})
	must(err)
	r, err := NewResponder(ResponderConfig{Statics: map[Suite]Static{suite: signer}, Entity: v.Entity,
		Rand: bytes.NewReader(unhex(t, v.SignerEphemeral)), Now: now})
	must(err)
	act1, err := i.Start(t.Context())
	must(err)
	act2, err := r.Accept(t.Context(), act1)
	must(err)
	act3, bs, err := i.Finish(t.Context(), act2, unhex(t, v.Payload))
	must(err)
	_, ss, err := r.Finish(t.Context(), act3)
	must(err)
	v.Act1, v.Act2, v.Act3 = hex.EncodeToString(act1), hex.EncodeToString(act2), hex.EncodeToString(act3)
	v.SignerPublic, v.BridgePublic = hex.EncodeToString(signer.public), hex.EncodeToString(bridge.public)
	v.HandshakeHash, v.ID = hex.EncodeToString(bs.HandshakeHash()), bs.ID()
	v.Records = append([]vectorRecord(nil), v.Records...)
	for n, rec := range v.Records {
		from, to := bs, ss
		if rec.From == "signer" {
			from, to = ss, bs
		}
		for from.send.number < rec.Key { // as time and traffic would
			from.send.key, from.send.sealed = from.nextKey(from.send.key), 0
			from.send.number++
		}
		from.send.counter = rec.Counter
		record, err := from.Seal(unhex(t, rec.Plaintext))
		must(err)
		if k, c := binary.BigEndian.Uint32(record[1:]), binary.BigEndian.Uint64(record[5:]); k != rec.Key || c != rec.Counter {
			t.Fatalf("record %d has key %d and counter %d", n, k, c)
		}
		plaintext, err := to.Open(record)
		must(err)
		if hex.EncodeToString(plaintext) != rec.Plaintext {
			t.Error("another plaintext came out")
		}
		v.Records[n].Record = hex.EncodeToString(record)
	}
	return v
}

// playNaive is play with the second implementation; both ends are naive.
func (v vector) playNaive(t *testing.T) vector {
	t.Helper()
	suite := v.suite(t)
	c := naiveCurves[suite]
	signerPublic := c.public(unhex(t, v.SignerStatic))
	b := newNaive(suite, true, unhex(t, v.BridgeStatic), unhex(t, v.BridgeEphemeral), signerPublic, v.Entity)
	s := newNaive(suite, false, unhex(t, v.SignerStatic), unhex(t, v.SignerEphemeral), signerPublic, v.Entity)
	act1 := b.sendEphemeral(signerPublic)
	if err := s.readEphemeral(act1, s.s); err != nil {
		t.Fatal(err)
	}
	act2 := s.sendEphemeral(s.re)
	if err := b.readEphemeral(act2, b.e); err != nil {
		t.Fatal(err)
	}
	act3 := b.sendAct3(unhex(t, v.Payload))
	if _, err := s.readAct3(act3); err != nil {
		t.Fatal(err)
	}
	v.Act1, v.Act2, v.Act3, v.HandshakeHash = hex.EncodeToString(act1), hex.EncodeToString(act2), hex.EncodeToString(act3), hex.EncodeToString(b.h)
	v.Records = append([]vectorRecord(nil), v.Records...)
	for n, rec := range v.Records {
		from := b
		if rec.From == "signer" {
			from = s
		}
		v.Records[n].Record = hex.EncodeToString(from.seal(rec.Key, rec.Counter, unhex(t, rec.Plaintext)))
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
	if len(all.Cases) < len(suites) {
		t.Fatal("there are not enough vectors")
	}
	got := vectors{Comment: all.Comment}
	for _, v := range all.Cases {
		mine := v.play(t)
		a, _ := json.Marshal(mine)
		if b, _ := json.Marshal(mine.playNaive(t)); !bytes.Equal(a, b) {
			t.Errorf("the two implementations differ:\n%s\n%s", a, b)
		}
		got.Cases = append(got.Cases, mine)
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
	page := spec.Page(t, "channel.md")
	text := strings.ReplaceAll(page, ",", "")
	for name, n := range map[string]int{
		"record": MaxRecord, "plaintext": MaxPlaintext, "payload": MaxPayload, "shortest record": minRecord,
		"act 1": Act1Size, "act 2": Act2Size, "shortest act 3": minAct3, "longest act 3": minAct3 + MaxPayload,
		"window": Window, "records under a key": RekeyEvery, "hours": int(Life.Hours()), "keys ahead": maxAhead,
		"statement": MaxStatement, "jws": MaxJWS, "names": maxName, "approvals": maxApprovals, "error text": maxMessage,
	} {
		if !strings.Contains(text, strconv.Itoa(n)) {
			t.Errorf("channel.md does not name the limit %d (%s)", n, name)
		}
	}
	for _, s := range suites {
		if !strings.Contains(text, fmt.Sprintf("| %d | `%v` |", byte(s), s)) {
			t.Errorf("channel.md does not have %v", s)
		}
	}
	for _, kind := range []string{TypeWelcome, TypeGet, TypeStatement, TypeSubmit, TypeReceipt, TypeError} {
		if !strings.Contains(text, `{"type":"`+kind+`"`) {
			t.Errorf("channel.md does not have the message %s", kind)
		}
	}
}
