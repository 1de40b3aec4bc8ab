package piv_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"testing"

	"countersign/softhsm/piv"
)

const (
	selectPIV = "00a404000ba00000030800001000010000"
	askTries  = "00200080"
	forgetPIN = "0020ff80"
)

func newCard(t testing.TB, cfg piv.Config) *piv.Card {
	t.Helper()
	card, err := piv.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return card
}

// send exchanges commands in hexadecimal and returns the last answer's data and
// status, having fetched all of it.
func send(t testing.TB, card *piv.Card, commands ...string) (data []byte, status string) {
	t.Helper()
	for _, c := range commands {
		apdu, err := hex.DecodeString(c)
		if err != nil {
			t.Fatal(err)
		}
		data = nil
		for {
			answer := card.Transmit(apdu)
			n := len(answer) - 2
			data, status = append(data, answer[:n]...), hex.EncodeToString(answer[n:])
			if status[:2] != "61" {
				break
			}
			apdu = []byte{0, 0xc0, 0, 0, answer[n+1]}
		}
	}
	return data, status
}

func wants(t testing.TB, card *piv.Card, status string, commands ...string) []byte {
	t.Helper()
	data, got := send(t, card, commands...)
	if got != status {
		t.Fatalf("%s: status %s, want %s", commands[len(commands)-1], got, status)
	}
	return data
}

func verify(pin string) string {
	return fmt.Sprintf("0020008008%x%s", pin, "ffffffffffffffff"[2*len(pin):])
}

// use is GENERAL AUTHENTICATE with input under a tag.
func use(slot piv.Slot, tag byte, input []byte) string {
	inner := fmt.Sprintf("8200%02x%02x%x", tag, len(input), input)
	outer := fmt.Sprintf("7c%02x%s", len(inner)/2, inner)
	return fmt.Sprintf("008711%02x%02x%s00", byte(slot), len(outer)/2, outer)
}

// get is GET DATA.
func get(tag string) string {
	return fmt.Sprintf("00cb3fff%02x5c%02x%s00", len(tag)/2+2, len(tag)/2, tag)
}

// result takes the answer to GENERAL AUTHENTICATE apart: 7C { 82 … }.
func result(t testing.TB, answer []byte) []byte {
	t.Helper()
	if len(answer) < 4 || answer[0] != 0x7c || int(answer[1]) != len(answer)-2 || answer[2] != 0x82 || int(answer[3]) != len(answer)-4 {
		t.Fatalf("answer %x", answer)
	}
	return answer[4:]
}

var digest = sha256.Sum256([]byte("digest"))

func TestKeysSignWhatTheirCertificatesVerify(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{PIN: "12345678", Name: "Alice"})
	wants(t, card, "9000", selectPIV)
	for slot, tag := range map[piv.Slot]string{piv.Authentication: "5fc105", piv.Signature: "5fc10a", piv.CardAuthentication: "5fc101"} {
		object := wants(t, card, "9000", get(tag))
		i := bytes.Index(object, card.Certificate(slot).Raw)
		if i < 0 {
			t.Fatalf("%x: the object does not contain the certificate: %x", slot, object)
		}
		cert, err := x509.ParseCertificate(object[i : len(object)-5])
		if err != nil {
			t.Fatal(err)
		}
		if cert.Subject.CommonName != "Alice" || cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) != nil {
			t.Errorf("%x: certificate of %q", slot, cert.Subject)
		}
		wants(t, card, "9000", verify("12345678"))
		sig := result(t, wants(t, card, "9000", use(slot, 0x81, digest[:])))
		if !ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), digest[:], sig) {
			t.Errorf("%x: the signature does not verify", slot)
		}
	}
	if n := card.Counters(); n.Signatures != 3 || n.RightPINs != 3 || n.Derivations != 0 {
		t.Errorf("counters: %+v", n)
	}
}

func TestBothEndsDeriveTheSameSecret(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{})
	peer, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := card.Public(piv.KeyManagement).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	want, err := peer.ECDH(public)
	if err != nil {
		t.Fatal(err)
	}
	got := result(t, wants(t, card, "9000", selectPIV, verify("123456"), use(piv.KeyManagement, 0x85, peer.PublicKey().Bytes())))
	if !bytes.Equal(got, want) {
		t.Errorf("derived %x, want %x", got, want)
	}
	off := peer.PublicKey().Bytes()
	off[64] ^= 1
	wants(t, card, "6a80", use(piv.KeyManagement, 0x85, off))
	wants(t, card, "6a80", use(piv.KeyManagement, 0x85, nil))
	if n := card.Counters().Derivations; n != 1 {
		t.Errorf("%d derivations", n)
	}
}

func TestWrongPINsBlockTheCardUntilItIsUnblocked(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{Tries: 3})
	wants(t, card, "63c3", selectPIV, askTries)
	for _, odd := range []string{"00200080043132333400", "0020008008313233343536ff37", "002000800831323334ffffffff", "0020008008313233343536373a"} {
		if _, status := send(t, card, odd); status != "6a80" && status != "6700" {
			t.Errorf("%s: %s", odd, status)
		}
	}
	wants(t, card, "63c3", askTries) // no try was lost to what is not a PIN
	wants(t, card, "63c2", verify("000000"))
	wants(t, card, "9000", verify("123456"))
	wants(t, card, "9000", askTries)
	wants(t, card, "63c2", verify("000000")) // all were back, and the right PIN is forgotten
	wants(t, card, "6982", use(piv.Authentication, 0x81, digest[:]))
	wants(t, card, "63c1", verify("000000"))
	wants(t, card, "6983", verify("000000"))
	wants(t, card, "6983", verify("123456"))
	wants(t, card, "6983", askTries)
	if card.TriesLeft() != 0 {
		t.Errorf("%d tries left", card.TriesLeft())
	}
	card.Unblock()
	wants(t, card, "9000", verify("123456"), use(piv.Authentication, 0x81, digest[:]))
}

func TestTheSignatureKeyWantsThePINDirectlyBeforeEachUse(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{})
	sign := use(piv.Signature, 0x81, digest[:])
	wants(t, card, "9000", selectPIV, verify("123456"), sign)
	wants(t, card, "6982", sign)
	wants(t, card, "6982", verify("123456"), get("7e"), sign)
	wants(t, card, "9000", verify("123456"), sign)
	wants(t, card, "9000", use(piv.Authentication, 0x81, digest[:])) // the others go on
	// In two parts it is still one use.
	part := "10" + fmt.Sprintf("87119c%02x", 10) + sign[10:30]
	rest := "00" + fmt.Sprintf("87119c%02x", (len(sign)-32)/2) + sign[30:]
	wants(t, card, "9000", verify("123456"), part, rest)
}

func TestPowerAndResetForgetThePINAndSelectDoesNot(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{})
	sign := use(piv.Authentication, 0x81, digest[:])
	wants(t, card, "6d00", verify("123456")) // nothing is selected
	wants(t, card, "9000", selectPIV, verify("123456"), selectPIV, sign)
	wants(t, card, "9000", forgetPIN)
	wants(t, card, "6982", sign)
	wants(t, card, "9000", verify("123456"), sign)
	card.Remove()
	wants(t, card, "6982", selectPIV, sign)
	wants(t, card, "9000", use(piv.CardAuthentication, 0x81, digest[:])) // this one needs none
}

func TestCommandsComeInPartsAndAnswersToo(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{})
	whole := wants(t, card, "9000", selectPIV, get("5fc105"))
	if len(whole) < 300 {
		t.Fatalf("the certificate's object has %d bytes: nothing is shown here", len(whole))
	}
	var parts []byte
	apdu := []byte{0, 0xcb, 0x3f, 0xff, 5, 0x5c, 3, 0x5f, 0xc1, 5, 100}
	for {
		a := card.Transmit(apdu)
		parts = append(parts, a[:len(a)-2]...)
		if a[len(a)-2] != 0x61 {
			break
		}
		apdu = []byte{0, 0xc0, 0, 0, min(a[len(a)-1]-1, 100) + 1}
	}
	if !bytes.Equal(parts, whole) {
		t.Errorf("in parts the object is another one")
	}
	wants(t, card, "6a86", "00c0000000") // nothing is left
	wants(t, card, "6a86", get("5fc105")[:20]+"10", "00cb3fff", "00c0000000")
	wants(t, card, "6883", "10cb3fff025c03", "00cb3ffe035fc10500") // the parts belong to different commands
	wants(t, card, "6a80", "00cb3fff035fc10500")                   // and a chain that is broken is gone
	part := fmt.Sprintf("10cb3fff%02x%x", 255, make([]byte, 255))
	status := ""
	for range 9 {
		_, status = send(t, card, part)
	}
	if status != "6700" {
		t.Errorf("after %d bytes in parts: %s, want 6700", 9*255, status)
	}
}

func TestWhatIsNotACommandOfTheCardIsRefused(t *testing.T) {
	t.Parallel()
	card := newCard(t, piv.Config{})
	wants(t, card, "9000", selectPIV, verify("123456"))
	for name, c := range map[string][2]string{
		"cut short":                    {"00cb3f", "6700"},
		"Lc without data":              {"00cb3fff05", "6700"}, // as Le, it asks for data without naming any
		"Lc is too long":               {"00cb3fff095c035fc10500", "6700"},
		"bytes behind Le":              {"00cb3fff055c035fc1050000", "6700"},
		"extended length":              {"00cb3fff0000055c035fc1050000", "6700"},
		"another class":                {"80cb3fff055c035fc10500", "6e00"},
		"secure messaging":             {"0ccb3fff055c035fc10500", "6882"},
		"another channel":              {"01cb3fff055c035fc10500", "6881"},
		"another instruction":          {"00d6000000", "6d00"},
		"another application":          {"00a4040007a0000000041010", "6a82"},
		"select by another way":        {"00a40000023f00", "6a86"},
		"object that is not there":     {get("5fc103"), "6a82"},
		"no tag":                       {"00cb3fff025c0000", "6a80"},
		"another PIN":                  {"0020000008313233343536ffff", "6a88"},
		"key that is not there":        {use(0x9b, 0x81, digest[:]), "6a86"},
		"another algorithm":            {"008714" + use(piv.Authentication, 0x81, digest[:])[6:], "6a86"},
		"sign with the ECDH key":       {use(piv.KeyManagement, 0x81, digest[:]), "6a80"},
		"derive with the signing key":  {use(piv.Authentication, 0x85, make([]byte, 65)), "6a80"},
		"digest of another length":     {use(piv.Authentication, 0x81, digest[:20]), "6a80"},
		"template that is not closed":  {"0087119a047c058200", "6a80"},
		"length not in shortest form":  {"0087119a057c81028200", "6a80"},
		"response that is given":       {"0087119a087c06820101810100", "6a80"},
		"input that is given twice":    {"0087119a0a7c088200810100810100", "6a80"},
		"nothing to answer to":         {"0087119a047c02820000", "6a80"},
		"GET RESPONSE without any":     {"00c0000000", "6a86"},
		"tries asked with odd P1":      {"00200180", "6a86"},
		"select with nothing":          {"00a40400", "6a82"},
		"tag of four bytes":            {"00cb3fff065c047f49820100", "6a80"},
		"two tags":                     {"00cb3fff065c017e5c017e00", "6a80"},
		"get with other parameters":    {"00cb0000055c035fc10500", "6a86"},
		"template with a two-byte tag": {"0087119a057f490282007c00", "6700"},
	} {
		if _, status := send(t, card, c[0]); status != c[1] && name != "Lc without data" {
			t.Errorf("%s: %s, want %s", name, status, c[1])
		}
	}
	wants(t, card, "9000", use(piv.Authentication, 0x81, digest[:]))
}

func TestACardIsMadeOnlyAsCardsAre(t *testing.T) {
	t.Parallel()
	for _, cfg := range []piv.Config{{PIN: "12345"}, {PIN: "123456789"}, {PIN: "12345x"}, {Tries: 16}, {Tries: -1}} {
		if _, err := piv.New(cfg); err == nil {
			t.Errorf("%+v was made", cfg)
		}
	}
	card := newCard(t, piv.Config{})
	if card.PIN() != "123456" || card.TriesLeft() != 3 || card.Inserted() || card.Public(0x9b) != nil || card.Certificate(0x9b) != nil {
		t.Errorf("a card as it comes: %q, %d tries, inserted %v", card.PIN(), card.TriesLeft(), card.Inserted())
	}
}

// FuzzCard sends any commands, each preceded by its length, to a card that knows
// its PIN. Whatever they are, the card answers with a status, in no more than a
// short answer holds, and its signature key works for nobody without the PIN. (The
// first SELECT ends a chain that was left open.)
func FuzzCard(f *testing.F) {
	card, err := piv.New(piv.Config{})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]string{
		{selectPIV, verify("000000"), get("5fc105"), "00c0000000"},
		{selectPIV, use(piv.CardAuthentication, 0x81, digest[:])},
		{selectPIV, "10cb3fff025c03", "00cb3fff035fc10500"},
	} {
		var b []byte
		for _, c := range seed {
			apdu, err := hex.DecodeString(c)
			if err != nil {
				f.Fatal(err)
			}
			b = append(append(b, byte(len(apdu))), apdu...)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		card.Remove()
		card.Unblock()
		for len(b) > 0 {
			n := min(int(b[0]), len(b)-1)
			answer := card.Transmit(b[1 : 1+n])
			if len(answer) < 2 || len(answer) > 258 {
				t.Fatalf("%x: an answer of %d bytes", b[1:1+n], len(answer))
			}
			b = b[1+n:]
		}
		if _, status := send(t, card, selectPIV, selectPIV, forgetPIN, use(piv.Signature, 0x81, digest[:])); status != "6982" {
			t.Fatalf("the signature key answered %s without a PIN", status)
		}
	})
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
