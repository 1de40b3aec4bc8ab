package approver

import (
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

// Valid fails with CERTIFICATE_INVALID when the certificate has expired: the bridge
// leaves the identity out then.
func (c Certified) Valid(now time.Time) error { return validAt(now, c.Member, c.Expires) }

// Certificates reads the certificates of all identities of a configuration, as the
// bridge does, and verifies them with the key of the pinned signer. out are those that
// cannot be used, and why. One that has expired is in all: [Certified.Valid] says so. It
// fails for what concerns all of them: the signer's file, and a member that is listed
// twice.
func Certificates(cfg Config) (all []Certified, out []LeftOut, err error) {
	ids, out, err := loadIdentities(cfg)
	for _, id := range ids {
		all = append(all, Certified{id.IdentityConfig, id.memberName, id.approval, id.channel, id.channelIn, id.expires})
	}
	return all, out, err
}
