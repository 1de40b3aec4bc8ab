package signer

import (
	"strings"

	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// addressOn is the address of key on a chain, and addressCurve the curve that
// the chain wants.
func addressOn(chain string, key jws.PublicKey) (string, error) {
	if _, err := addressCurve(chain); err != nil {
		return "", err
	}
	return eip55.Of(key.Uncompressed()[1:]), nil
}

func addressCurve(chain string) (string, error) {
	if strings.HasPrefix(chain, "eip155:") {
		return jws.Secp256k1, nil
	}
	return "", fault.New(fault.Invalid, "the vault makes addresses on eip155 chains only").With("field", "chain")
}
