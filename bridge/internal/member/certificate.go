package member

import (
	"fmt"
	"strings"
	"time"

	"countersign/bridge/internal/statefile"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// readSigner reads the keys of the signer that this bridge trusts.
func readSigner(path string) (vault.Signer, error) {
	data, err := statefile.Read(path)
	if err != nil {
		return vault.Signer{}, fmt.Errorf("read the signer's keys: %w", err)
	}
	s, err := vault.ReadSigner(data)
	if err != nil {
		return s, fmt.Errorf("read %s: %w", path, err)
	}
	return s, nil
}

// read reads the certificate of an identity and verifies it.
func read(c Config, s vault.Signer) (*Identity, error) {
	data, err := statefile.Read(c.CertificateFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	token := strings.TrimSpace(string(data))
	payload, err := jws.Verify(token, statement.TypMember, s.Statement)
	if err != nil {
		return nil, fmt.Errorf("the certificate is not from the pinned signer: %w", err)
	}
	cert, err := statement.Decode[statement.Member](payload)
	if err != nil {
		return nil, err
	}
	if cert.Entity != c.Entity || cert.Member != c.Member || s.Entity != c.Entity {
		return nil, fmt.Errorf("certificate and signer are for %s and %s of %s", s.Entity, cert.Member, cert.Entity)
	}
	id := &Identity{Config: c, EntityName: s.EntityName, Name: cert.Name, Certificate: token,
		ChannelIn: cert.ChannelIn, Expires: time.Unix(cert.Expires, 0)}
	if id.Approval, err = jws.FromJWK(cert.Approval); err != nil {
		return nil, err
	}
	if id.Channel, err = jws.FromJWK(cert.Channel); err != nil {
		return nil, err
	}
	for _, p := range s.Channels {
		if p.Curve() == id.Channel.Curve() {
			id.Remote = p.Compressed()
		}
	}
	if id.Remote == nil {
		return nil, fmt.Errorf("the signer has no channel key on %s", id.Channel.Curve())
	}
	return id, nil
}
