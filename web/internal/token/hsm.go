//go:build cgo

package token

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/ThalesGroup/crypto11"

	"countersign/shared/p11uri"
)

// hsmKey opens an RSA key in a PKCS#11 token. The URI (RFC 7512) needs token,
// object and, in the query, module-path. The key is found among the private objects:
// who can open the token without its PIN can plant others under its label and id,
// and a public key of theirs in the JWKS would make their tokens ours.
func hsmKey(uri, pin string) (crypto.Signer, func() error, error) {
	u, err := parseURI(uri)
	if err != nil {
		return nil, nil, err
	}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: u.ModulePath, TokenLabel: u.Token, Pin: pin})
	if err != nil {
		return nil, nil, fmt.Errorf("open token %q: %w", u.Token, err)
	}
	key, err := privateKey(ctx, u.Object)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("find key %q in token %q: %w", u.Object, u.Token, err), ctx.Close())
	}
	return key, ctx.Close, nil
}

// privateKey finds the one RSA key of a label whose private half the PIN protects,
// and has it prove itself.
func privateKey(ctx *crypto11.Context, label string) (crypto.Signer, error) {
	want := crypto11.NewAttributeSet()
	for attribute, value := range map[crypto11.AttributeType]any{
		crypto11.CkaLabel: []byte(label), crypto11.CkaPrivate: true, crypto11.CkaKeyType: uint(keyTypeRSA)} {
		if err := want.Set(attribute, value); err != nil {
			return nil, err
		}
	}
	found, err := ctx.FindKeyPairsWithAttributes(want)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, errors.New("there is no RSA key pair with a private half behind the PIN")
	case len(found) > 1:
		return nil, fmt.Errorf("there are %d", len(found))
	}
	// The private half knows the modulus; which public half the library took for its
	// is nobody's word.
	own, err := ctx.GetAttributes(found[0], []crypto11.AttributeType{crypto11.CkaModulus, crypto11.CkaPublicExponent})
	if err != nil {
		return nil, fmt.Errorf("read its modulus: %w", err)
	}
	e := new(big.Int).SetBytes(own[crypto11.CkaPublicExponent].Value)
	if !e.IsInt64() || e.Int64() > math.MaxInt32 {
		return nil, errors.New("its exponent is out of range")
	}
	k := hsmSigner{found[0], &rsa.PublicKey{N: new(big.Int).SetBytes(own[crypto11.CkaModulus].Value), E: int(e.Int64())}}
	return k, k.prove()
}

// keyTypeRSA is CKK_RSA (PKCS #11 v2.40).
const keyTypeRSA = 0

// hsmSigner is a key in a token with the public half that its private half names.
type hsmSigner struct {
	crypto.Signer
	public *rsa.PublicKey
}

func (k hsmSigner) Public() crypto.PublicKey { return k.public }

// prove has the private half sign fresh bytes.
func (k hsmSigner) prove() error {
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	digest := sha256.Sum256(nonce)
	sig, err := k.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err == nil {
		err = rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], sig)
	}
	if err != nil {
		return fmt.Errorf("have it prove itself: %w", err)
	}
	return nil
}

// parseURI reads the attributes that are needed; any other is refused, so that
// nothing is silently ignored.
func parseURI(uri string) (p11uri.URI, error) {
	u, err := p11uri.Parse(uri, p11uri.ModulePath)
	if err != nil {
		return u, fmt.Errorf("token_key: %w", err)
	}
	for name, value := range map[string]string{"token": strings.TrimSpace(u.Token), "object": u.Object, "module-path": u.ModulePath} {
		if value == "" {
			return u, fmt.Errorf("token_key: the PKCS#11 URI needs %s", name)
		}
	}
	if u != (p11uri.URI{Token: u.Token, Object: u.Object, Type: u.Type, ModulePath: u.ModulePath}) {
		return u, errors.New("token_key: the PKCS#11 URI names more than token, object, type and module-path")
	}
	return u, nil
}
