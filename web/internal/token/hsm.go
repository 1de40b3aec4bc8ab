//go:build cgo

package token

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/ThalesGroup/crypto11"
)

// hsmKey opens an RSA key in a PKCS#11 token. The URI (RFC 7512) needs token,
// object and, in the query, module-path.
func hsmKey(uri, pin string) (crypto.Signer, func() error, error) {
	attrs, err := parseURI(uri)
	if err != nil {
		return nil, nil, err
	}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: attrs["module-path"], TokenLabel: attrs["token"], Pin: pin})
	if err != nil {
		return nil, nil, fmt.Errorf("open token %q: %w", attrs["token"], err)
	}
	key, err := ctx.FindKeyPair(nil, []byte(attrs["object"]))
	if err != nil || key == nil {
		return nil, nil, errors.Join(fmt.Errorf("find key %q in token %q: there is none", attrs["object"], attrs["token"]), err, ctx.Close())
	}
	if _, ok := key.Public().(*rsa.PublicKey); !ok {
		return nil, nil, errors.Join(fmt.Errorf("key %q in token %q is not RSA", attrs["object"], attrs["token"]), ctx.Close())
	}
	return key, ctx.Close, nil
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
