//go:build !js

package rendezvous

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"countersign/shared/link/linkkey"
)

var update = flag.Bool("update", false, "write the vectors again")

// fill computes what follows from the private keys and the gateway.
func fill(t *testing.T, v vector) vector {
	t.Helper()
	key, err := linkkey.Parse(unhex(t, v.BridgeStatic))
	if err != nil {
		t.Fatal(err)
	}
	once, err := linkkey.Parse(unhex(t, v.ChallengePrivate))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := key.DH(nil, once.Static())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := once.DH(nil, key.Static())
	if err != nil || !bytes.Equal(ours, theirs) {
		t.Fatalf("the two ends have other secrets: %v", err)
	}
	text := func(m Message) string {
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	v.BridgeKey = hex.EncodeToString(key.Static())
	v.Name = Name(key.Static())
	v.Shown = Show(v.Name)
	v.Challenge = text(Message{Type: Challenge, Key: Bytes(once.Static())})
	v.Register = text(Message{Type: Register, Key: Bytes(key.Static()), Proof: Bytes(Proof(ours, once.Static(), key.Static(), v.Gateway))})
	v.Open = text(Message{Type: Open, Stream: Bytes(bytes.Repeat([]byte{7}, SecretSize)), Origin: "https://app.example"})
	return v
}

func TestTheMessagesOfTheVectorsFollowFromTheKeys(t *testing.T) {
	t.Parallel()
	cases := []vector{
		{BridgeStatic: "7e813c9771da3a7b434d5e81bb9d2ff6014ce48f4a3e65813736d6162011b915", Gateway: "https://gateway.example",
			ChallengePrivate: "c51b8982139de574a2bab114ddf392ebc03676f9efb96d7ec64259ac0bd14d18"},
		{BridgeStatic: "02422d0f087107483406399cdf3927197af2e9daebbddd3b20b586ab9ff55fd3", Gateway: "http://127.0.0.1:8080",
			ChallengePrivate: "2ab25b2be3de1ed7b925dabd9abec6cf22556fa376b4cf903d1ae42a28c23a23"},
	}
	for i := range cases {
		cases[i] = fill(t, cases[i])
	}
	if *update {
		data, err := json.MarshalIndent(cases, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectors, append(data, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := readVectors(t)
	if len(want) != len(cases) {
		t.Fatalf("%d vectors", len(want))
	}
	for i := range want {
		if cases[i] != want[i] {
			t.Errorf("case %d:\n got %+v\nwant %+v", i, cases[i], want[i])
		}
		for kind, text := range map[string]string{Challenge: want[i].Challenge, Register: want[i].Register, Open: want[i].Open} {
			if _, err := DecodeMessage([]byte(text), kind); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	f.Add([]byte(`{"type":"challenge","key":"` + Bytes(make([]byte, keySize)) + `"}`))
	f.Add([]byte(`{"type":"open","stream":"` + Bytes(make([]byte, SecretSize)) + `","origin":"https://app.example"}`))
	f.Add([]byte(`{"type":"registered"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, want := range []string{Challenge, Register, Registered, Open} {
			m, err := DecodeMessage(data, want)
			if err != nil {
				continue
			}
			again, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if n, err := DecodeMessage(again, want); err != nil || n != m {
				t.Errorf("%s: %+v, then %+v, %v", data, m, n, err)
			}
		}
	})
}
