//go:build !cgo

package token

import (
	"crypto"
	"errors"
)

func hsmKey(string, string) (crypto.Signer, func() error, error) {
	return nil, nil, errors.New("token_key: this program was built without cgo and cannot use an HSM; give a file")
}
