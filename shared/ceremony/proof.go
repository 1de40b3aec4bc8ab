package ceremony

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// proofDomain begins what a channel proof is computed over, so that it can serve for nothing else.
const proofDomain = "countersign-channel-proof\n"

// Prove has a registration show to the vault that holds the channel key to that whoever registers
// holds the channel key in it. secret is the ECDH secret of the two, 32 bytes. A channel key of a
// token can do ECDH and nothing else; so the proof convinces that vault, and nobody besides.
func Prove(r statement.Registration, to jws.PublicKey, secret []byte) (statement.Registration, error) {
	tag, err := channelTag(r, to, secret)
	r.Proof = statement.ChannelProof{To: to.Thumbprint(), Tag: base64.RawURLEncoding.EncodeToString(tag)}
	return r, err
}

// Proved reports whether a registration has the proof for the vault's channel key to, whose
// holder has the secret with the channel key in it. It fails with SIGNATURE_INVALID, details field.
func Proved(r statement.Registration, to jws.PublicKey, secret []byte) error {
	tag, err := channelTag(r, to, secret)
	if err != nil {
		return err
	}
	said, err := base64.RawURLEncoding.Strict().DecodeString(r.Proof.Tag)
	if err != nil || r.Proof.To != to.Thumbprint() || !hmac.Equal(tag, said) {
		return fault.New(fault.SignatureInvalid, "the registration does not prove to this vault that its channel key is held by whoever signed it: register again").With("field", "registration")
	}
	return nil
}

// channelTag is HMAC-SHA256, under the hash of the secret, of the registration without its proof
// and of the key that it is for.
func channelTag(r statement.Registration, to jws.PublicKey, secret []byte) ([]byte, error) {
	r.Proof = statement.ChannelProof{}
	payload, err := statement.Encode(r)
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(append([]byte(proofDomain), secret...))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(proofDomain + to.Thumbprint() + "\n"))
	mac.Write(payload)
	return mac.Sum(nil), nil
}
