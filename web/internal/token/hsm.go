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
	"net/url"
	"strings"

	"github.com/ThalesGroup/crypto11"
)

// hsmKey opens an RSA key in a PKCS#11 token. The URI (RFC 7512) needs token,
// object and, in the query, module-path. The key is found among the private objects:
// who can open the token without its PIN can plant others under its label and id,
// and a public key of theirs in the JWKS would make their tokens ours.
func hsmKey(uri, pin string) (crypto.Signer, func() error, error) {
	attrs, err := parseURI(uri)
	if err != nil {
		return nil, nil, err
	}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: attrs["module-path"], TokenLabel: attrs["token"], Pin: pin})
	if err != nil {
		return nil, nil, fmt.Errorf("open token %q: %w", attrs["token"], err)
	}
	key, err := privateKey(ctx, attrs["object"])
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("find key %q in token %q: %w", attrs["object"], attrs["token"], err), ctx.Close())
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
// nothing is silently ignored. A PIN in the URI is refused too.
func parseURI(uri string) (map[string]string, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(uri, "pkcs11:"), "?")
	attrs := map[string]string{}
	parts := strings.Split(path, ";")
	if query != "" {
		parts = append(parts, strings.Split(query, "&")...)
	}
	for _, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		text, err := url.PathUnescape(value)
		if !ok || err != nil || attrs[name] != "" || text == "" {
			return nil, fmt.Errorf("token_key: %q is not an attribute of a PKCS#11 URI", name)
		}
		if name != "token" && name != "object" && name != "module-path" && name != "type" {
			return nil, fmt.Errorf("token_key: attribute %q is not supported: use token, object and module-path", name)
		}
		attrs[name] = text
	}
	for _, name := range []string{"token", "object", "module-path"} {
		if attrs[name] == "" {
			return nil, fmt.Errorf("token_key: the PKCS#11 URI needs %s", name)
		}
	}
	return attrs, nil
}
