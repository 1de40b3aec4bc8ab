package main

import (
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"countersign/bridge/internal/device"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
)

type keysExport struct {
	configFlag
	keyArgument
	Format string `enum:"jwk,pem,both" default:"both" help:"jwk, pem or both."`
}

// Help is shown by `countersign-bridge keys export-public --help`.
func (keysExport) Help() string {
	return `A key that no certificate of your configuration names is proven first: its private
half signs or derives in the token, which takes the PIN. What you hand to the vault's
operator is then a key of yours, and not one that somebody else put into the token.

Example:
  countersign-bridge keys export-public 'pkcs11:token=alice;object=approval'`
}

func (c *keysExport) Run(ctx context.Context, std stdio) error {
	return withKey(ctx, c.Config, c.URI, func(s *tokens, key *device.Key) error {
		key, err := s.proven(ctx, c.URI, key)
		if err != nil {
			return err
		}
		if c.Format != "pem" {
			line, err := json.Marshal(key.PublicKey().JWK())
			if err != nil {
				return err
			}
			fmt.Fprintf(std.out, "%s\n", line)
		}
		if c.Format == "jwk" {
			return nil
		}
		block, err := publicPEM(key.PublicKey())
		if err == nil {
			_, err = std.out.Write(block)
		}
		return err
	})
}

// The object identifiers of a public key on a curve (RFC 5480 §2.1.1, SEC 2).
var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidCurves      = map[string]asn1.ObjectIdentifier{jws.Secp256k1: {1, 3, 132, 0, 10}, jws.P256: {1, 2, 840, 10045, 3, 1, 7}}
)

// publicPEM is a public key as SubjectPublicKeyInfo; crypto/x509 does not know
// secp256k1.
func publicPEM(k jws.PublicKey) ([]byte, error) {
	curve, err := asn1.Marshal(oidCurves[k.Curve()])
	if err != nil {
		return nil, err
	}
	point := k.Uncompressed()
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}}, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

type keysAttest struct {
	configFlag
	keyArgument
}

// Help is shown by `countersign-bridge keys attest --help`.
func (keysAttest) Help() string {
	return `Prints, in PEM, the certificates that the token itself has for the key, such as the
maker's attestation that the key was made inside. Many modules offer none; the
program then says so and exits with status 1. It does not judge a certificate:
compare it with the maker's root.

Example:
  countersign-bridge keys attest 'pkcs11:token=alice;object=approval' > attestation.pem`
}

func (c *keysAttest) Run(ctx context.Context, std stdio) error {
	return withKey(ctx, c.Config, c.URI, func(s *tokens, key *device.Key) error {
		key, err := s.proven(ctx, c.URI, key)
		if err != nil {
			return err
		}
		chain, err := key.Certificates(ctx)
		if err != nil {
			return err
		}
		if len(chain) == 0 {
			return fault.New(fault.NotFound, fmt.Sprintf("the token %s offers no certificate for this key through its PKCS#11 module; that says nothing for or against the key. "+
				"Some makers have a tool of their own for it", name.Quote(key.Info().Device)))
		}
		_, err = std.out.Write(chain)
		return err
	})
}
