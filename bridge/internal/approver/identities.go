package approver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// signerFile is what an approver pins of a signer. signer init writes it.
type signerFile struct {
	Entity       string    `json:"entity"`
	EntityName   string    `json:"entity_name"`
	StatementKey jwk.Key   `json:"statement_key"`
	ChannelKeys  []jwk.Key `json:"channel_keys"`
}

// pinned are the keys of the signer that this bridge trusts.
type pinned struct {
	entity, entityName string
	statement          jws.PublicKey
	channels           []jws.PublicKey
}

// identity is a member with a certificate that the pinned signer gave.
type identity struct {
	IdentityConfig
	entityName  string
	memberName  string
	certificate string // JWS: the payload of the channel's act 3
	expires     time.Time
	approval    jws.PublicKey
	channel     jws.PublicKey
	channelIn   string
	remote      []byte // the signer's channel key on the same curve
	tokens      Devices

	mu    sync.Mutex
	found map[string]keys.Key // by URI: a key survives the removal of its token
}

// LeftOut is an identity that cannot be used: it costs no other.
type LeftOut struct {
	IdentityConfig
	Code fault.Code // CERTIFICATE_INVALID, or INVALID_REQUEST for what the configuration says itself
	Err  error      // why, for the person at this computer: it may name files
}

// refusal is what a page is told.
func (o LeftOut) refusal() error {
	return fault.New(o.Code, "the bridge cannot use the identity of this member; on its computer, countersign-bridge doctor says why")
}

// validAt fails with CERTIFICATE_INVALID from the end of a certificate on.
func validAt(now time.Time, member string, expires time.Time) error {
	if now.Before(expires) {
		return nil
	}
	return fault.New(fault.CertificateBad, fmt.Sprintf("the certificate of %s expired on %s, and this computer's clock says %s: when that is right, ask the vault's operator for a new one, and start the bridge again",
		member, expires.UTC().Format(time.DateOnly), now.UTC().Format(time.DateOnly)))
}

// valid fails with CERTIFICATE_INVALID when the certificate has expired.
func (id *identity) valid(now time.Time) error { return validAt(now, id.Member, id.expires) }

// key finds one of the identity's keys, and keeps the one that the certificate names.
func (id *identity) key(ctx context.Context, devices Devices, uri string, want jws.PublicKey) (keys.Key, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if k, ok := id.found[uri]; ok {
		return k, nil
	}
	k, err := devices.Key(ctx, uri)
	if err != nil || !k.PublicKey().Equal(want) {
		return k, err
	}
	if id.found == nil {
		id.found = map[string]keys.Key{}
	}
	id.found[uri] = k
	return k, nil
}

// token is the token of the approval key.
func (id *identity) token() string { return id.tokens.Token(id.ApprovalKey) }

// loadIdentities reads the identities of a configuration, and says which are left out.
// It fails for what concerns all of them: the signer's file, and a member that is listed
// twice. Certificates that have expired are returned: [identity.valid] says so.
func loadIdentities(cfg Config) (all []*identity, out []LeftOut, err error) {
	if len(cfg.Identities) == 0 {
		return nil, nil, nil
	}
	listed := map[[2]string]bool{}
	for _, ic := range cfg.Identities {
		who := [2]string{ic.Entity, ic.Member}
		if listed[who] {
			return nil, nil, fmt.Errorf("identities: %s of %s is listed twice", ic.Member, ic.Entity)
		}
		listed[who] = true
	}
	signer, err := loadPinned(cfg.SignerFile)
	if err != nil {
		return nil, nil, err
	}
	for _, ic := range cfg.Identities {
		if err := checkURIs(ic); err != nil {
			out = append(out, LeftOut{ic, fault.Invalid, err})
			continue
		}
		if len(all) == frame.MaxIdentities {
			out = append(out, LeftOut{ic, fault.Invalid, fmt.Errorf("pages are told of %d identities at most", frame.MaxIdentities)})
			continue
		}
		id, err := loadIdentity(ic, signer)
		if err != nil {
			out = append(out, LeftOut{ic, fault.CertificateBad, err})
			continue
		}
		all = append(all, id)
	}
	return all, out, nil
}

// loadPinned reads the keys of the signer that this bridge trusts.
func loadPinned(path string) (p pinned, err error) {
	data, err := readFile(path)
	if err != nil {
		return p, fmt.Errorf("read the signer's keys: %w", err)
	}
	var file signerFile
	if err := strictjson.UnmarshalFile(data, &file, maxConfig); err != nil {
		return p, fmt.Errorf("read %s: %w", path, err)
	}
	if why := name.Problem(file.EntityName); why != "" {
		return p, fmt.Errorf("read %s: entity_name %s", path, why)
	}
	p = pinned{entity: file.Entity, entityName: file.EntityName}
	if p.statement, err = jws.FromJWK(file.StatementKey); err != nil {
		return p, fmt.Errorf("read %s: statement_key: %w", path, err)
	}
	for i, k := range file.ChannelKeys {
		key, err := jws.FromJWK(k)
		if err != nil {
			return p, fmt.Errorf("read %s: channel_keys, key %d: %w", path, i+1, err)
		}
		p.channels = append(p.channels, key)
	}
	return p, nil
}

// checkURIs checks the URIs of an identity's keys.
func checkURIs(ic IdentityConfig) error {
	for _, k := range []struct{ field, uri string }{{"approval_key", ic.ApprovalKey}, {"channel_key", ic.ChannelKey}} {
		if k.uri == "" && k.field == "channel_key" {
			continue // it is in software
		}
		u, err := device.ParseURI(k.uri)
		if err == nil && u.PINSource != "" {
			err = errors.New("pin-source is for programs that nobody sits at: the bridge asks for the PIN")
		}
		if err != nil { // without the URI: somebody may have written a PIN into it
			return fmt.Errorf("%s: %w", k.field, err)
		}
	}
	return nil
}

// loadIdentity reads the certificate of an identity and verifies it.
func loadIdentity(ic IdentityConfig, signer pinned) (*identity, error) {
	data, err := readFile(ic.CertificateFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	token := strings.TrimSpace(string(data))
	payload, err := jws.Verify(token, statement.TypMember, signer.statement)
	if err != nil {
		return nil, fmt.Errorf("the certificate is not from the pinned signer: %w", err)
	}
	cert, err := statement.Decode[statement.Member](payload)
	if err != nil {
		return nil, err
	}
	if cert.Entity != ic.Entity || cert.Member != ic.Member || signer.entity != ic.Entity {
		return nil, fmt.Errorf("certificate and signer are for %s and %s of %s", signer.entity, cert.Member, cert.Entity)
	}
	id := &identity{IdentityConfig: ic, entityName: signer.entityName, memberName: cert.Name, certificate: token,
		channelIn: cert.ChannelIn, expires: time.Unix(cert.Expires, 0)}
	if id.approval, err = jws.FromJWK(cert.Approval); err != nil {
		return nil, err
	}
	if id.channel, err = jws.FromJWK(cert.Channel); err != nil {
		return nil, err
	}
	for _, p := range signer.channels {
		if p.Curve() == id.channel.Curve() {
			id.remote = p.Compressed()
		}
	}
	if id.remote == nil {
		return nil, fmt.Errorf("the signer has no channel key on %s", id.channel.Curve())
	}
	return id, nil
}

// label is the token's label in a PKCS#11 URI that [checkURIs] has checked.
func label(uri string) string {
	u, _ := device.ParseURI(uri)
	return u.Token
}

// identity finds the identity of a member. It fails with NOT_FOUND, and for one that is
// left out with its code. Whether its certificate has expired is not looked at.
func (b *Bridge) identity(entity, member string) (*identity, error) {
	for _, id := range b.identities {
		if id.Entity == entity && id.Member == member {
			return id, nil
		}
	}
	for _, o := range b.leftOut {
		if o.Entity == entity && o.Member == member {
			return nil, o.refusal()
		}
	}
	return nil, fault.New(fault.NotFound, "this bridge has no identity for that member")
}

// sayLeftOut logs which identities are left out, each once: at the start, and when a
// certificate expires meanwhile.
func (b *Bridge) sayLeftOut() {
	if b.saidLeftOut == nil {
		b.saidLeftOut = map[*identity]bool{}
		for _, o := range b.leftOut {
			b.deps.Log.Warn("an identity is left out", "member", o.Member, "entity", o.Entity, "error", o.Err)
		}
		if len(b.leftOut) > 0 && len(b.identities) == 0 {
			b.deps.Log.Warn("no identity can be used: pages can pair with this bridge, and nothing can be approved")
		}
	}
	for _, id := range b.identities {
		if err := id.valid(b.deps.Now()); err != nil && !b.saidLeftOut[id] {
			b.saidLeftOut[id] = true
			b.deps.Log.Warn("an identity is left out", "member", id.Member, "entity", id.Entity, "error", err)
			if len(b.saidLeftOut) == len(b.identities) {
				b.deps.Log.Warn("no identity can be used: pages can pair with this bridge, and nothing can be approved")
			}
		}
	}
}
