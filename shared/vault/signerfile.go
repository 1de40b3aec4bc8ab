//go:build !js

package vault

import (
	"fmt"

	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/strictjson"
)

// MaxSignerFile is the longest signer.json, in bytes.
const MaxSignerFile = 64 << 10

// SignerFile is signer.json, which `signer init` writes: what an approver, a gateway and
// whoever verifies a log pin of a signer. Spec: shared/spec/signer-link.md.
type SignerFile struct {
	Entity       string    `json:"entity"`
	EntityName   string    `json:"entity_name"`
	StatementKey jwk.Key   `json:"statement_key"`
	ChannelKeys  []jwk.Key `json:"channel_keys"` // one per channel suite
	// RootKey is the statement key of the genesis, once the vault's keys were rotated; nil: it is
	// the StatementKey.
	RootKey *jwk.Key `json:"root_key,omitempty"`
}

// FileOf is the signer file of a vault as it is.
func (v *Governance) FileOf() SignerFile {
	now := v.Signer()
	f := SignerFile{Entity: v.Genesis.Entity, EntityName: v.Genesis.EntityName, StatementKey: now.Statement, ChannelKeys: now.Channel}
	if root := v.Genesis.Signer.Statement; root != now.Statement {
		f.RootKey = &root
	}
	return f
}

// Signer is a [SignerFile] with parsed keys.
type Signer struct {
	Entity, EntityName string
	Statement          jws.PublicKey
	Root               jws.PublicKey // with which the log begins
	Channels           []jws.PublicKey
}

// ReadSigner reads the bytes of a signer.json. Errors say what is wrong in the file, and
// not which file it is.
func ReadSigner(data []byte) (Signer, error) {
	_, s, err := ReadSignerFile(data)
	return s, err
}

// ReadSignerFile is [ReadSigner] with the file itself.
func ReadSignerFile(data []byte) (f SignerFile, s Signer, err error) {
	if err := strictjson.UnmarshalFile(data, &f, MaxSignerFile); err != nil {
		return f, s, err
	}
	s, err = f.parse()
	return f, s, err
}

func (f SignerFile) parse() (Signer, error) {
	if why := name.Problem(f.EntityName); why != "" {
		return Signer{}, fmt.Errorf("entity_name %s", why)
	}
	s := Signer{Entity: f.Entity, EntityName: f.EntityName}
	var err error
	if s.Statement, err = jws.FromJWK(f.StatementKey); err != nil {
		return Signer{}, fmt.Errorf("statement_key: %w", err)
	}
	if s.Root = s.Statement; f.RootKey != nil {
		if s.Root, err = jws.FromJWK(*f.RootKey); err != nil {
			return Signer{}, fmt.Errorf("root_key: %w", err)
		}
	}
	for i, k := range f.ChannelKeys {
		key, err := jws.FromJWK(k)
		if err != nil {
			return Signer{}, fmt.Errorf("channel_keys, key %d: %w", i+1, err)
		}
		s.Channels = append(s.Channels, key)
	}
	return s, nil
}
