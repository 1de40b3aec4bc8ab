package approver

import (
	"fmt"
	"time"

	"countersign/shared/jws"
)

// Certified is an identity with what its certificate says, for commands.
type Certified struct {
	IdentityConfig
	Name      string        // the member's
	Approval  jws.PublicKey // the keys that the certificate names
	Channel   jws.PublicKey
	ChannelIn string // "token" or "software"
	Expires   time.Time
}

// Purposes of an identity's keys.
const (
	PurposeApproval = "approval"
	PurposeChannel  = "channel"
)

// CertifiedKey is one key of an identity.
type CertifiedKey struct {
	Purpose string
	URI     string
	Key     jws.PublicKey // as certified
}

// Keys are the identity's keys that are in tokens.
func (c Certified) Keys() []CertifiedKey {
	all := []CertifiedKey{{PurposeApproval, c.ApprovalKey, c.Approval}}
	if c.ChannelKey != "" {
		all = append(all, CertifiedKey{PurposeChannel, c.ChannelKey, c.Channel})
	}
	return all
}

// Device is the label of the token in a PKCS#11 URI.
func (k CertifiedKey) Device() string { return label(k.URI) }

// Certificate reads the certificate of one identity and verifies it with the key
// of the pinned signer. One that has expired is returned: Expires says so.
func Certificate(cfg Config, ic IdentityConfig) (Certified, error) {
	pinned, key, err := loadPinned(cfg.SignerFile)
	if err != nil {
		return Certified{}, err
	}
	id, err := loadIdentity(ic, pinned, key)
	if err != nil {
		return Certified{}, fmt.Errorf("identity %s: %w", ic.Member, err)
	}
	return Certified{ic, id.memberName, id.approval, id.channel, id.channelIn, id.expires}, nil
}

// Certificates is [Certificate] for all identities of a configuration.
func Certificates(cfg Config) ([]Certified, error) {
	var all []Certified
	for _, ic := range cfg.Identities {
		c, err := Certificate(cfg, ic)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}
