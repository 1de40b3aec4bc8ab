package channel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/flynn/noise"
)

// bolt8 is secp256k1 with the Diffie-Hellman hash of BOLT 8, SHA-256 of the
// compressed point. A token cannot compute it from the x-coordinate, which is why
// the channel does not use it; the public vectors of BOLT 8 still say whether
// the order of the handshake is right.
type bolt8 struct{ secpCurve }

func (b bolt8) ecdh(private, public []byte) ([]byte, error) {
	p, err := b.multiply(private, public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(secp256k1.NewPublicKey(&p.X, &p.Y).SerializeCompressed())
	return sum[:], nil
}

func TestTheHandshakeAgreesWithBOLT8(t *testing.T) {
	t.Parallel()
	key := func(fill byte) *softKey {
		private := bytes.Repeat([]byte{fill}, 32)
		_, public, err := bolt8{}.generate(bytes.NewReader(private))
		if err != nil {
			t.Fatal(err)
		}
		return &softKey{curve: bolt8{}, private: private, public: public}
	}
	end := func(initiator bool, static *softKey, ephemeral byte, remote []byte) *noise.HandshakeState {
		dh := &dhFunc{curve: bolt8{}, name: "secp256k1", static: static, ctx: context.Background()}
		hs, err := noise.NewHandshakeState(noise.Config{
			CipherSuite: noise.NewCipherSuite(dh, noise.CipherChaChaPoly, noise.HashSHA256), Pattern: noise.HandshakeXK,
			Random: bytes.NewReader(bytes.Repeat([]byte{ephemeral}, 32)), Initiator: initiator, Prologue: []byte("lightning"),
			StaticKeypair: noise.DHKey{Public: static.public}, PeerStatic: remote,
		})
		if err != nil {
			t.Fatal(err)
		}
		return hs
	}
	rs := key(0x21)
	if got := hex.EncodeToString(rs.public); got != "028d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7" {
		t.Fatalf("responder key %s", got)
	}
	i, r := end(true, key(0x11), 0x12, rs.public), end(false, rs, 0x22, nil)
	var send, receive *noise.CipherState
	for n, want := range []string{
		"036360e856310ce5d294e8be33fc807077dc56ac80d95d9cd4ddbd21325eff73f70df6086551151f58b8afe6c195782c6a",
		"02466d7fcae563e5cb09a0d1870bb580344804617879a14949cf22285f1bae3f276e2470b93aac583c9ef6eafca3f730ae",
		"b9e3a702e93e3a9948c2ed6e5fd7590a6e1c3a0344cfc9d5b57357049aa22355361aa02e55a8fc28fef5bd6d71ad0c38228dc68b1c466263b47fdf31e560e139ba",
	} {
		from, to := i, r
		if n == 1 {
			from, to = r, i
		}
		act, a, b, err := from.WriteMessage(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(act); got != want {
			t.Errorf("act %d is\n%s, want\n%s", n+1, got, want)
		}
		if _, _, _, err := to.ReadMessage(nil, act); err != nil {
			t.Fatal(err)
		}
		send, receive = a, b
	}
	sk, rk := send.UnsafeKey(), receive.UnsafeKey()
	if got := hex.EncodeToString(sk[:]); got != "969ab31b4d288cedf6218839b27a3e2140827047f2c0f01bf5c04435d43511a9" {
		t.Errorf("sending key %s", got)
	}
	if got := hex.EncodeToString(rk[:]); got != "bb9020b8965f4df047e07f955f3c4b88418984aadc5cdb35096b9ea8fa5c3442" {
		t.Errorf("receiving key %s", got)
	}
}
