package member

import (
	"fmt"
	"strings"
	"time"

	"countersign/bridge/internal/statefile"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// SignerFile is what an approver pins of a signer. signer init writes it.
type SignerFile struct {
	Entity       string    `json:"entity"`
	EntityName   string    `json:"entity_name"`
	StatementKey jwk.Key   `json:"statement_key"`
	ChannelKeys  []jwk.Key `json:"channel_keys"`
}

// signer are the keys of the signer that this bridge trusts.
type signer struct {
	entity, entityName string
	statement          jws.PublicKey
	channels           []jws.PublicKey
}

// readSigner reads the keys of the signer that this bridge trusts.
func readSigner(path string) (s signer, err error) {
	data, err := statefile.Read(path)
	if err != nil {
		return s, fmt.Errorf("read the signer's keys: %w", err)
	}
	var file SignerFile
	if err := strictjson.UnmarshalFile(data, &file, statefile.Max); err != nil {
		return s, fmt.Errorf("read %s: %w", path, err)
	}
	if why := name.Problem(file.EntityName); why != "" {
		return s, fmt.Errorf("read %s: entity_name %s", path, why)
	}
	s = signer{entity: file.Entity, entityName: file.EntityName}
	if s.statement, err = jws.FromJWK(file.StatementKey); err != nil {
		return s, fmt.Errorf("read %s: statement_key: %w", path, err)
	}
	for i, k := range file.ChannelKeys {
		key, err := jws.FromJWK(k)
		if err != nil {
			return s, fmt.Errorf("read %s: channel_keys, key %d: %w", path, i+1, err)
		}
		s.channels = append(s.channels, key)
	}
	return s, nil
}

// read reads the certificate of an identity and verifies it.
func read(c Config, s signer) (*Identity, error) {
	data, err := statefile.Read(c.CertificateFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	token := strings.TrimSpace(string(data))
	payload, err := jws.Verify(token, statement.TypMember, s.statement)
	if err != nil {
		return nil, fmt.Errorf("the certificate is not from the pinned signer: %w", err)
	}
	cert, err := statement.Decode[statement.Member](payload)
	if err != nil {
		return nil, err
	}
	if cert.Entity != c.Entity || cert.Member != c.Member || s.entity != c.Entity {
		return nil, fmt.Errorf("certificate and signer are for %s and %s of %s", s.entity, cert.Member, cert.Entity)
	}
	id := &Identity{Config: c, EntityName: s.entityName, Name: cert.Name, Certificate: token,
		ChannelIn: cert.ChannelIn, Expires: time.Unix(cert.Expires, 0)}
	if id.Approval, err = jws.FromJWK(cert.Approval); err != nil {
		return nil, err
	}
	if id.Channel, err = jws.FromJWK(cert.Channel); err != nil {
		return nil, err
	}
	for _, p := range s.channels {
		if p.Curve() == id.Channel.Curve() {
			id.Remote = p.Compressed()
		}
	}
	if id.Remote == nil {
		return nil, fmt.Errorf("the signer has no channel key on %s", id.Channel.Curve())
	}
	return id, nil
}
