// Package member knows the identities of members on this computer: their
// certificates, which the pinned signer gave (shared/spec/statement.md), and their
// keys, by PKCS#11 URI. It opens no token and knows no page. The bridge
// (bridge/internal/approver) and the commands beside it read the same files with it,
// so that they leave out the same identities for the same reasons.
package member

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"countersign/bridge/internal/device"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/vault"
)

// Config is one member of one entity in a configuration.
type Config struct {
	Entity          string `json:"entity"`
	Member          string `json:"member"`
	CertificateFile string `json:"certificate_file"` // mem_….jws, from the vault's operator
	ApprovalKey     string `json:"approval_key"`     // "pkcs11:token=alice;object=approval"
	ChannelKey      string `json:"channel_key"`      // "pkcs11:token=alice;object=channel"
	// SignerFile is signer.json of the entity's vault, when it is another than the
	// bridge's own.
	SignerFile string `json:"signer_file,omitempty"`
}

// Identity is a member with a certificate that the pinned signer gave.
type Identity struct {
	Config
	EntityName  string
	Name        string        // the member's
	Certificate string        // JWS: the payload of the channel's act 3
	Approval    jws.PublicKey // the keys that the certificate names
	Channel     jws.PublicKey
	ChannelIn   string // "token" or "software"
	Remote      []byte // the signer's channel key on the channel key's curve, compressed
	Expires     time.Time
}

// Purposes of an identity's keys.
const (
	PurposeApproval = "approval"
	PurposeChannel  = "channel"
)

// Key is one key of an identity.
type Key struct {
	Purpose string
	URI     string
	Public  jws.PublicKey // as certified
}

// ApprovalSigner is the key that signs statements.
func (id *Identity) ApprovalSigner() Key { return Key{PurposeApproval, id.ApprovalKey, id.Approval} }

// ChannelStatic is the key that opens channels; its URI is empty when it is in software.
func (id *Identity) ChannelStatic() Key { return Key{PurposeChannel, id.ChannelKey, id.Channel} }

// Keys are the identity's keys that are in tokens.
func (id *Identity) Keys() []Key {
	all := []Key{id.ApprovalSigner()}
	if id.ChannelKey != "" {
		all = append(all, id.ChannelStatic())
	}
	return all
}

// Device is the label of the token in the key's URI.
func (k Key) Device() string {
	u, _ := device.ParseURI(k.URI) // it was checked when the configuration was read
	return u.Token
}

// Valid fails with CERTIFICATE_INVALID when the certificate has expired: the bridge
// leaves the identity out then.
func (id *Identity) Valid(now time.Time) error {
	if now.Before(id.Expires) {
		return nil
	}
	return fault.New(fault.CertificateBad, fmt.Sprintf("the certificate of %s expired on %s, and this computer's clock says %s: when that is right, get a newer one from the vault's operator (GET /v1/members/%s/certificate at the gateway), keep it with `countersign-bridge member enrol`, and start the bridge again",
		id.Member, id.Expires.UTC().Format(time.DateOnly), now.UTC().Format(time.DateOnly), id.Member))
}

// LeftOut is an identity that cannot be used: it costs no other.
type LeftOut struct {
	Config
	Code fault.Code // CERTIFICATE_INVALID, or INVALID_REQUEST for what the configuration says itself
	Err  error      // why, for the person at this computer: it may name files
}

// refusal is what a page is told.
func (o LeftOut) refusal() error {
	return fault.New(o.Code, "the bridge cannot use the identity of this member; on its computer, countersign-bridge doctor says why")
}

// List are the identities of a configuration. All includes those whose certificate has
// expired: [Identity.Valid] says so.
type List struct {
	All []*Identity
	Out []LeftOut

	reported bool               // what is in Out
	expired  map[*Identity]bool // of which it was reported
}

// Find finds the identity of a member. It fails with NOT_FOUND, and for one that is
// left out with its code. Whether its certificate has expired is not looked at.
func (l *List) Find(entity, member string) (*Identity, error) {
	for _, id := range l.All {
		if id.Entity == entity && id.Member == member {
			return id, nil
		}
	}
	for _, o := range l.Out {
		if o.Entity == entity && o.Member == member {
			return nil, o.refusal()
		}
	}
	return nil, fault.New(fault.NotFound, "this bridge has no identity for that member")
}

// Report logs which identities are left out, each once: at the first call, and when a
// certificate has expired since. Its calls follow each other.
func (l *List) Report(log *slog.Logger, now time.Time) {
	const none = "no identity can be used: pages can pair with this bridge, and nothing can be approved"
	if !l.reported {
		l.reported, l.expired = true, map[*Identity]bool{}
		for _, o := range l.Out {
			log.Warn("an identity is left out", "member", o.Member, "entity", o.Entity, "error", o.Err)
		}
		if len(l.Out) > 0 && len(l.All) == 0 {
			log.Warn(none)
		}
	}
	for _, id := range l.All {
		if err := id.Valid(now); err != nil && !l.expired[id] {
			l.expired[id] = true
			log.Warn("an identity is left out", "member", id.Member, "entity", id.Entity, "error", err)
			if len(l.expired) == len(l.All) {
				log.Warn(none)
			}
		}
	}
}

// Read reads the certificates of configured identities and verifies them with the
// pinned key of the signer: that of signerFile, or of the identity's own file. Those
// that cannot be used, and those beyond most, are in List.Out. It fails for what
// concerns all of them: the signer's file, and a member that is listed twice; the list
// is empty then.
func Read(signerFile string, configs []Config, most int) (*List, error) {
	list := new(List)
	if len(configs) == 0 {
		return list, nil
	}
	for i, c := range configs {
		if slices.ContainsFunc(configs[:i], func(o Config) bool { return o.Entity == c.Entity && o.Member == c.Member }) {
			return list, fmt.Errorf("identities: %s of %s is listed twice", c.Member, c.Entity)
		}
	}
	var signer vault.Signer
	if slices.ContainsFunc(configs, func(c Config) bool { return c.SignerFile == "" }) {
		var err error
		if signer, err = readSigner(signerFile); err != nil {
			return list, err
		}
	}
	for _, c := range configs {
		if err := c.check(); err != nil {
			list.Out = append(list.Out, LeftOut{c, fault.Invalid, err})
			continue
		}
		if len(list.All) == most {
			list.Out = append(list.Out, LeftOut{c, fault.Invalid, fmt.Errorf("pages are told of %d identities at most", most)})
			continue
		}
		own, err := signer, error(nil)
		if c.SignerFile != "" {
			own, err = readSigner(c.SignerFile)
		}
		var id *Identity
		if err == nil {
			id, err = read(c, own)
		}
		if err != nil {
			list.Out = append(list.Out, LeftOut{c, fault.CertificateBad, err})
			continue
		}
		list.All = append(list.All, id)
	}
	return list, nil
}

// check checks the URIs of an identity's keys.
func (c Config) check() error {
	for _, k := range []struct{ field, uri string }{{"approval_key", c.ApprovalKey}, {"channel_key", c.ChannelKey}} {
		if k.uri == "" && k.field == "channel_key" {
			continue // it is in software
		}
		u, err := device.ParseURI(k.uri)
		if err == nil && u.PINSource != "" {
			err = errors.New("pin-source is for programs that run without a person: the bridge asks for the PIN")
		}
		if err != nil { // without the URI: somebody may have written a PIN into it
			return fmt.Errorf("%s: %w", k.field, err)
		}
	}
	return nil
}
