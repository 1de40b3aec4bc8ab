package xx_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/flynn/noise"

	"countersign/shared/link/linkkey"
	"countersign/shared/link/xx"
)

// end is what both implementations have in common.
type end struct {
	write func(payload []byte) ([]byte, seals, seals, error)
	read  func(message []byte) ([]byte, seals, seals, error)
	hash  func() []byte
	peer  func() []byte
}

type seals interface {
	Encrypt(out, ad, plaintext []byte) ([]byte, error)
	Decrypt(out, ad, ciphertext []byte) ([]byte, error)
	Rekey()
	Nonce() uint64
}

type dhFunc struct{ *linkkey.Key }

func (d dhFunc) GenerateKeypair(random io.Reader) (noise.DHKey, error) {
	private, public, err := d.Generate(random)
	return noise.DHKey{Private: private, Public: public}, err
}
func (dhFunc) DHLen() int     { return 32 }
func (dhFunc) DHName() string { return "25519" }

func theirs(t *testing.T, key *linkkey.Key, prologue string, random io.Reader, initiator bool) end {
	t.Helper()
	hs, err := noise.NewHandshakeState(noise.Config{
		CipherSuite: noise.NewCipherSuite(dhFunc{key}, noise.CipherChaChaPoly, noise.HashSHA256), Random: random, Pattern: noise.HandshakeXX,
		Initiator: initiator, Prologue: []byte(prologue), StaticKeypair: noise.DHKey{Public: key.Static()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return end{
		write: func(p []byte) ([]byte, seals, seals, error) { return four(hs.WriteMessage([]byte("hd"), p)) },
		read:  func(m []byte) ([]byte, seals, seals, error) { return four(hs.ReadMessage(nil, m)) },
		hash:  hs.ChannelBinding, peer: hs.PeerStatic,
	}
}

func ours(_ *testing.T, key *linkkey.Key, prologue string, random io.Reader, initiator bool) end {
	hs := xx.New(key, key.Static(), []byte(prologue), random, initiator)
	return end{
		write: func(p []byte) ([]byte, seals, seals, error) { return four(hs.WriteMessage([]byte("hd"), p)) },
		read:  func(m []byte) ([]byte, seals, seals, error) { return four(hs.ReadMessage(nil, m)) },
		hash:  hs.ChannelBinding, peer: hs.PeerStatic,
	}
}

func four[C seals](b []byte, x, y C, err error) ([]byte, seals, seals, error) { return b, x, y, err }

func source(seed uint64) io.Reader { return rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}) }

func newKey(t *testing.T, seed uint64) *linkkey.Key {
	t.Helper()
	k, err := linkkey.New(source(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type maker func(*testing.T, *linkkey.Key, string, io.Reader, bool) end

// talk runs a handshake and some records and returns every byte that was sent.
func talk(t *testing.T, seed uint64, a, b maker) []byte {
	t.Helper()
	page, bridge := newKey(t, 2*seed), newKey(t, 2*seed+1)
	prologue := fmt.Sprint("origin", seed)
	i, r := a(t, page, prologue, source(1000+seed), true), b(t, bridge, prologue, source(2000+seed), false)
	var sent []byte
	var ends [2][2]seals
	for n, way := range [][2]end{{i, r}, {r, i}, {i, r}} {
		payload := bytes.Repeat([]byte{byte(n)}, n*17)
		m, x, y, err := way[0].write(payload)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, m...)
		got, v, w, err := way[1].read(m[2:])
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("message %d: %x, %v", n, got, err)
		}
		ends = [2][2]seals{{x, y}, {v, w}}
	}
	if !bytes.Equal(i.hash(), r.hash()) || !bytes.Equal(i.peer(), bridge.Static()) || !bytes.Equal(r.peer(), page.Static()) {
		t.Fatal("the two ends disagree")
	}
	for n := range 40 {
		way := n % 2
		text := bytes.Repeat([]byte{byte(n)}, n*31)
		record, err := ends[way][way].Encrypt(nil, []byte("ad"), text)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, record...)
		if got, err := ends[1-way][way].Decrypt(nil, []byte("ad"), record); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("record %d: %v", n, err)
		}
		if n%10 == 9 {
			ends[way][way].Rekey()
			ends[1-way][way].Rekey()
		}
		if ends[way][way].Nonce() != ends[1-way][way].Nonce() {
			t.Fatal("the counters differ")
		}
	}
	return append(sent, i.hash()...)
}

func TestItSendsWhatFlynnNoiseSends(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		want := talk(t, seed, theirs, theirs)
		for name, pair := range map[string][2]maker{"both ends": {ours, ours}, "initiator": {ours, theirs}, "responder": {theirs, ours}} {
			if !bytes.Equal(talk(t, seed, pair[0], pair[1]), want) {
				t.Errorf("%s, seed %d: other bytes", name, seed)
			}
		}
	}
}

func TestAChangedMessageEndsTheHandshake(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		for at := range 150 {
			i, r := ours(t, newKey(t, 1), "o", source(3), true), ours(t, newKey(t, 2), "o", source(4), false)
			way := [][2]end{{i, r}, {r, i}, {i, r}}
			var err error
			for step := 0; step < 3 && err == nil; step++ {
				var m []byte
				if m, _, _, err = way[step][0].write([]byte("payload")); err != nil {
					break
				}
				m = m[2:]
				if step == n && at < len(m) {
					m[at] ^= 0x41
				} else if step == n {
					m = m[:at%len(m)]
				}
				_, _, _, err = way[step][1].read(m)
			}
			if err == nil {
				t.Fatalf("message %d, change %d: nobody noticed", n, at)
			}
			if _, _, _, err := i.write(nil); err == nil && n > 0 {
				t.Fatalf("message %d, change %d: the handshake went on", n, at)
			}
		}
	}
}

func TestMessagesComeInOrder(t *testing.T) {
	t.Parallel()
	i, r := ours(t, newKey(t, 1), "o", source(3), true), ours(t, newKey(t, 2), "o", source(4), false)
	if _, _, _, err := r.write(nil); err == nil {
		t.Error("the responder spoke first")
	}
	if _, _, _, err := i.read(make([]byte, 96)); err == nil {
		t.Error("the initiator listened first")
	}
}

func TestARecordOpensOnceAndUnchanged(t *testing.T) {
	t.Parallel()
	i, r := ours(t, newKey(t, 1), "o", source(3), true), ours(t, newKey(t, 2), "o", source(4), false)
	m1, _, _, _ := i.write(nil)
	_, _, _, _ = r.read(m1[2:])
	m2, _, _, _ := r.write(nil)
	_, _, _, _ = i.read(m2[2:])
	m3, send, _, _ := i.write(nil)
	_, receive, _, err := r.read(m3[2:])
	if err != nil {
		t.Fatal(err)
	}
	record, err := send.Encrypt(nil, nil, []byte("once"))
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(record)
	bad[0] ^= 1
	if _, err := receive.Decrypt(nil, nil, bad); err == nil {
		t.Error("a changed record opened")
	}
	if _, err := receive.Decrypt(nil, nil, record); err != nil {
		t.Error(err)
	}
	if _, err := receive.Decrypt(nil, nil, record); err == nil {
		t.Error("a record opened twice")
	}
}

func TestHKDFIsTheStandardOne(t *testing.T) {
	t.Parallel()
	for n := range 100 {
		salt, secret, info := bytes.Repeat([]byte{1}, n), bytes.Repeat([]byte{2}, 2*n), bytes.Repeat([]byte{3}, n/2)
		want, err := hkdf.Key(sha256.New, secret, salt, string(info), n+1)
		if err != nil {
			t.Fatal(err)
		}
		if got := xx.HKDF(salt, secret, info, n+1); !bytes.Equal(got, want) {
			t.Fatalf("%d: %x, want %x", n, got, want)
		}
	}
}
