package channel

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// This file is the channel a second time, written from channel.md with the
// plainest means: textbook points on math/big, HMAC, one AEAD. It shares no code
// with the package.

type naiveCurve struct{ p, a, b, n, gx, gy *big.Int }

func hexInt(s string) *big.Int {
	i, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("not a number: " + s)
	}
	return i
}

var naiveCurves = map[Suite]naiveCurve{
	Secp256k1: {
		hexInt("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F"), big.NewInt(0), big.NewInt(7),
		hexInt("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141"),
		hexInt("79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798"),
		hexInt("483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8"),
	},
	P256: {
		hexInt("FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF"),
		hexInt("FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFC"),
		hexInt("5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B"),
		hexInt("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
		hexInt("6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"),
		hexInt("4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"),
	},
}

// point is affine; nil is the point at infinity.
type point struct{ x, y *big.Int }

func (c naiveCurve) add(p, q *point) *point {
	if p == nil {
		return q
	}
	if q == nil {
		return p
	}
	var num, den *big.Int
	switch {
	case p.x.Cmp(q.x) != 0:
		num, den = new(big.Int).Sub(q.y, p.y), new(big.Int).Sub(q.x, p.x)
	case p.y.Cmp(q.y) != 0:
		return nil
	default:
		num = new(big.Int).Mul(p.x, p.x)
		num.Mul(num, big.NewInt(3)).Add(num, c.a)
		den = new(big.Int).Lsh(p.y, 1)
	}
	m := new(big.Int).Mul(num, new(big.Int).ModInverse(den.Mod(den, c.p), c.p))
	x := new(big.Int).Mul(m, m)
	x.Sub(x, p.x).Sub(x, q.x).Mod(x, c.p)
	y := new(big.Int).Sub(p.x, x)
	y.Mul(y, m).Sub(y, p.y).Mod(y, c.p)
	return &point{x, y}
}

func (c naiveCurve) multiply(k *big.Int, p *point) *point {
	var sum *point
	for i := k.BitLen() - 1; i >= 0; i-- {
		if sum = c.add(sum, sum); k.Bit(i) == 1 {
			sum = c.add(sum, p)
		}
	}
	return sum
}

func (c naiveCurve) public(private []byte) []byte {
	p := c.multiply(new(big.Int).SetBytes(private), &point{c.gx, c.gy})
	return append([]byte{byte(2 + p.y.Bit(0))}, p.x.FillBytes(make([]byte, 32))...)
}

func (c naiveCurve) shared(private, public []byte) []byte {
	x := new(big.Int).SetBytes(public[1:])
	y := new(big.Int).Exp(x, big.NewInt(3), c.p)
	y.Add(y, new(big.Int).Mul(c.a, x)).Add(y, c.b).ModSqrt(y.Mod(y, c.p), c.p)
	if byte(2+y.Bit(0)) != public[0] {
		y.Sub(c.p, y)
	}
	return c.multiply(new(big.Int).SetBytes(private), &point{x, y}).x.FillBytes(make([]byte, 32))
}

// naive is one end.
type naive struct {
	suite     Suite
	s, e      []byte // private keys
	h, ck, k  []byte
	n         uint64
	initiator bool
	rs, re    []byte
	out, in   []byte // keys of the records, after the handshake
}

func newNaive(suite Suite, initiator bool, s, e, signer []byte, ent string) *naive {
	v := &naive{suite: suite, s: s, e: e, initiator: initiator, rs: signer}
	name := map[Suite]string{Secp256k1: "Noise_XK_secp256k1x_ChaChaPoly_SHA256", P256: "Noise_XK_P256_AESGCM_SHA256"}[suite]
	if len(name) <= 32 {
		v.h = append([]byte(name), make([]byte, 32-len(name))...)
	} else {
		sum := sha256.Sum256([]byte(name))
		v.h = sum[:]
	}
	v.ck = v.h
	var prologue []byte
	for _, part := range []string{"countersign-channel/1", name, ent} {
		prologue = append(prologue, byte(len(part)>>8), byte(len(part)))
		prologue = append(prologue, part...)
	}
	v.mix(prologue)
	v.mix(signer)
	return v
}

func (v *naive) mix(data []byte) {
	sum := sha256.Sum256(append(bytes.Clone(v.h), data...))
	v.h = sum[:]
}

func mac(key []byte, data ...byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(data)
	return m.Sum(nil)
}

func hkdf2(ck, ikm []byte) (first, second []byte) {
	temp := mac(ck, ikm...)
	first = mac(temp, 1)
	return first, mac(temp, append(bytes.Clone(first), 2)...)
}

func (v *naive) mixDH(private, public []byte) {
	v.ck, v.k = hkdf2(v.ck, naiveCurves[v.suite].shared(private, public))
	v.n = 0
}

func (v *naive) aead(key []byte, n uint64) (cipher.AEAD, []byte) {
	nonce := make([]byte, 12)
	if v.suite == P256 {
		binary.BigEndian.PutUint64(nonce[4:], n)
		block, err := aes.NewCipher(key)
		if err != nil {
			panic(err)
		}
		a, err := cipher.NewGCM(block)
		if err != nil {
			panic(err)
		}
		return a, nonce
	}
	binary.LittleEndian.PutUint64(nonce[4:], n)
	a, err := chacha20poly1305.New(key)
	if err != nil {
		panic(err)
	}
	return a, nonce
}

func (v *naive) encrypt(plaintext []byte) []byte {
	a, nonce := v.aead(v.k, v.n)
	c := a.Seal(nil, nonce, plaintext, v.h)
	v.mix(c)
	v.n++
	return c
}

func (v *naive) decrypt(c []byte) ([]byte, error) {
	a, nonce := v.aead(v.k, v.n)
	p, err := a.Open(nil, nonce, c, v.h)
	v.mix(c)
	v.n++
	return p, err
}

func (v *naive) head() []byte { return []byte{1, byte(v.suite)} }

// ephemeral is the act that both act 1 and act 2 are: e, then the secret of e
// with the other's key.
func (v *naive) sendEphemeral(with []byte) []byte {
	pub := naiveCurves[v.suite].public(v.e)
	v.mix(pub)
	v.mixDH(v.e, with)
	return append(append(v.head(), pub...), v.encrypt(nil)...)
}

func (v *naive) readEphemeral(act, own []byte) error {
	if len(act) != 51 || act[0] != 1 || act[1] != byte(v.suite) {
		return errors.New("naive: wrong act")
	}
	v.re = act[2:35]
	v.mix(v.re)
	v.mixDH(own, v.re)
	_, err := v.decrypt(act[35:])
	return err
}

func (v *naive) sendAct3(payload []byte) []byte {
	act := append(v.head(), v.encrypt(naiveCurves[v.suite].public(v.s))...)
	v.mixDH(v.s, v.re)
	act = append(act, v.encrypt(payload)...)
	v.out, v.in = hkdf2(v.ck, nil)
	return act
}

func (v *naive) readAct3(act []byte) ([]byte, error) {
	var err error
	if v.rs, err = v.decrypt(act[2:51]); err != nil {
		return nil, err
	}
	v.mixDH(v.e, v.rs)
	payload, err := v.decrypt(act[51:])
	v.in, v.out = hkdf2(v.ck, nil)
	return payload, err
}

func (v *naive) key(first []byte, number uint32) []byte {
	for range number {
		a, _ := v.aead(first, 0)
		nonce := append(make([]byte, 4), bytes.Repeat([]byte{0xff}, 8)...)
		first = a.Seal(nil, nonce, make([]byte, 32), nil)[:32]
	}
	return first
}

func (v *naive) ad(direction byte, header []byte) []byte {
	return append(append([]byte{direction}, v.h...), header...)
}

func (v *naive) seal(number uint32, counter uint64, plaintext []byte) []byte {
	header := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32([]byte{1}, number), counter)
	direction := byte(2)
	if v.initiator {
		direction = 1
	}
	a, nonce := v.aead(v.key(v.out, number), counter)
	return append(header, a.Seal(nil, nonce, plaintext, v.ad(direction, header))...)
}

func (v *naive) open(record []byte) ([]byte, error) {
	direction := byte(1)
	if v.initiator {
		direction = 2
	}
	a, nonce := v.aead(v.key(v.in, binary.BigEndian.Uint32(record[1:])), binary.BigEndian.Uint64(record[5:]))
	return a.Open(nil, nonce, record[13:], v.ad(direction, record[:13]))
}

func TestASecondImplementationUnderstandsTheFirst(t *testing.T) {
	t.Parallel()
	for _, suite := range suites {
		t.Run(suite.String(), func(t *testing.T) {
			e := newEnds(t, suite)
			spare := newKey(t, suite, rand.Reader) // the naive end's ephemeral
			now := func() time.Time { return time.Unix(1_800_000_000, 0) }

			v := newNaive(suite, false, e.signer.private, spare.private, e.signer.public, entity)
			i, err := NewInitiator(InitiatorConfig{Suite: suite, Static: e.bridge, Remote: e.signer.public, Entity: entity, Rand: rand.Reader, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			act1, err := i.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := v.readEphemeral(act1, v.s); err != nil {
				t.Fatal(err)
			}
			act3, session, err := i.Finish(t.Context(), v.sendEphemeral(v.re), []byte("certificate"))
			if err != nil {
				t.Fatal(err)
			}
			payload, err := v.readAct3(act3)
			if err != nil || string(payload) != "certificate" || !bytes.Equal(v.rs, e.bridge.public) {
				t.Fatalf("payload %q, %v", payload, err)
			}
			exchange(t, session, v)

			v = newNaive(suite, true, e.bridge.private, spare.private, e.signer.public, entity)
			r, err := NewResponder(ResponderConfig{Statics: map[Suite]Static{suite: e.signer}, Entity: entity, Rand: rand.Reader, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			act2, err := r.Accept(t.Context(), v.sendEphemeral(e.signer.public))
			if err != nil {
				t.Fatal(err)
			}
			if err := v.readEphemeral(act2, v.e); err != nil {
				t.Fatal(err)
			}
			payload, session, err = r.Finish(t.Context(), v.sendAct3([]byte("certificate")))
			if err != nil || string(payload) != "certificate" {
				t.Fatalf("payload %q, %v", payload, err)
			}
			exchange(t, session, v)
		})
	}
}

// exchange sends records both ways, over a change of key.
func exchange(t *testing.T, s *Session, v *naive) {
	t.Helper()
	if !bytes.Equal(s.HandshakeHash(), v.h) {
		t.Fatal("the hashes differ")
	}
	for i := range RekeyEvery + 2 {
		record := seal(t, s, "to the second")
		if got, err := v.open(record); err != nil || string(got) != "to the second" {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	for _, at := range []struct {
		number  uint32
		counter uint64
	}{{0, 1}, {0, 0}, {1, 2}, {3, 700}} {
		got, err := s.Open(v.seal(at.number, at.counter, []byte("to the first")))
		if err != nil || string(got) != "to the first" {
			t.Fatalf("%+v: %v", at, err)
		}
	}
}
