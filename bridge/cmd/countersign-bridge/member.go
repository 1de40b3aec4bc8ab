package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/gatewayclient"
	"countersign/bridge/internal/journal"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/jwk"
	"countersign/shared/name"
	"countersign/shared/statement"
)

type memberCommand struct {
	Register memberRegister `cmd:"" help:"Make your keys in your token, and the file with which a vault takes you as a member."`
	Enrol    memberEnrol    `cmd:"" help:"Keep the certificate that the vault gave you, or a newer one, and put it into the configuration."`
}

type memberRegister struct {
	configFlag
	Invitation string `arg:"" optional:"" help:"The address of your invitation: https://…. Without one, say --entity, --member and --name."`

	Token      string `required:"" placeholder:"LABEL|URI" help:"The token, by its label, or by a URI where several have the label: pkcs11:token=alice;serial=0123."`
	Entity     string `placeholder:"ID" help:"Whose vault it is, as its operator says: ent_…."`
	Member     string `placeholder:"ID" help:"What the vault will call you, as its operator says: mem_…."`
	Name       string `help:"Your name, as others will read it."`
	SignerFile string `type:"existingfile" placeholder:"FILE" help:"signer.json of a vault that has begun, without an invitation: your channel key proves itself to it."`

	Curve    string `default:"secp256k1" enum:"secp256k1,P-256" help:"secp256k1, or P-256 for tokens that lack it (PIV, TPM)."`
	Approval string `default:"approval" placeholder:"NAME" help:"What the approval key is called in the token (${default})."`
	Channel  string `default:"channel" placeholder:"NAME" help:"What the channel key is called in the token (${default})."`
	Out      string `type:"path" placeholder:"FILE" help:"Where your registration goes; without it mem_….registration.jws in this folder."`

	vault []jwk.Key // the channel keys of the vault; nil: it has not begun
}

// Help is shown by `countersign-bridge member register --help`.
func (memberRegister) Help() string {
	return `Makes an approval key and a channel key in the token, or takes those that it has, and
writes one file: your name and both public keys, signed by your approval key. With an
invitation the gateway gets it, and keeps it for the administrators of the vault; else
send the file to the vault's operator. It does not say who you are: read the
fingerprint to an administrator, or to the operator, by a way on which they know you,
who sees the same one when the file is yours. Asks for the PIN.

When your token was lost, register with another one under the name that the vault has
of you, and the administrators replace your keys.

Examples:
  countersign-bridge member register https://gateway.example.com/v1/join/… --token alice
  countersign-bridge member register --token alice --entity ent_example --member mem_alice --name Alice`
}

func (c *memberRegister) Run(ctx context.Context, std stdio) (err error) {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	invitation, err := c.invited(ctx, std)
	if err != nil {
		return err
	}
	s, err := openTokens(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d, err := s.token(ctx, c.Token)
	if err != nil {
		return err
	}
	asked := keysGenerate{Curve: c.Curve}
	if err := asked.lacking(s.devices.Name(d.Identity()), d.State(ctx)); err != nil {
		return err
	}
	const why = "You are registering as a member of a vault."
	if err := s.unlockToken(ctx, d, why); err != nil {
		return err
	}
	approval, err := s.keyOrNew(ctx, d, device.Template{Curve: c.Curve, Label: c.Approval, Sign: true})
	if err != nil {
		return err
	}
	channel, err := s.keyOrNew(ctx, d, device.Template{Curve: c.Curve, Label: c.Channel, Derive: true})
	if err != nil {
		return err
	}
	r := statement.Registration{
		V: 1, Type: "registration", Entity: c.Entity, Member: c.Member, Name: c.Name, Approval: approval.PublicKey().JWK(),
		Channel: channel.PublicKey().JWK(), ChannelIn: statement.InToken, IssuedAt: time.Now().Unix(),
	}
	r.Driver = s.driverSays(ctx, d, approval, channel, [2]string{c.Approval, c.Channel})
	if r, err = c.proves(ctx, r, channel); err != nil {
		return err
	}
	token, err := s.register(ctx, approval, why, r)
	if err != nil {
		return err
	}
	path := c.Out
	if path == "" {
		path = c.Member + ".registration.jws"
	}
	if err := os.WriteFile(path, []byte(token+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the registration: %w", err)
	}
	said, err := ceremony.Registrant(token)
	if err != nil {
		return err
	}
	if invitation == nil {
		_, err = fmt.Fprintf(std.out, "send %s to the vault's operator, who will see:\n%s\n", path, said)
		return err
	}
	if _, err := invitation.Register(ctx, token); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "you are registered. The administrators will see:\n%s\nRead the words or the digits to them. When they have approved:\n"+
		"  countersign-bridge member enrol %s --token %s --root \"the root key's words, as an administrator reads them to you\"\n", said, c.Invitation, name.Quote(c.Token))
	return err
}

// invited reads the invitation, and says whom the registration is of; nil without one. It
// fails with INVALID_REQUEST when neither it nor the flags say that, or both do.
func (c *memberRegister) invited(ctx context.Context, std stdio) (*gatewayclient.Invitation, error) {
	said := c.Entity != "" || c.Member != "" || c.Name != ""
	switch {
	case c.Invitation == "" && (c.Entity == "" || c.Member == "" || c.Name == ""):
		return nil, fault.New(fault.Invalid, "give the address of your invitation, or --entity, --member and --name")
	case c.Invitation == "":
		return nil, nil
	case said:
		return nil, fault.New(fault.Invalid, "the invitation says the entity, the member and the name: leave out --entity, --member and --name")
	}
	i, err := gatewayclient.OpenInvitation(c.Invitation, nil)
	if err != nil {
		return nil, err
	}
	v, err := i.Get(ctx)
	if err != nil {
		return nil, err
	}
	c.Entity, c.Member, c.Name, c.vault = v.Entity, v.Member, v.Name, v.ChannelKeys
	_, err = fmt.Fprintf(std.out, "%s invites %s as %s\n", name.WithID(v.EntityName, v.Entity), name.WithID(v.Name, v.Member), v.Role)
	return i, err
}

// keyOrNew finds a key of a token, which proves itself, or makes it.
func (s *tokens) keyOrNew(ctx context.Context, d *device.Device, t device.Template) (*device.Key, error) {
	u := s.devices.Brief(d.Identity())
	u.Object = t.Label
	key, err := s.key(ctx, u.String())
	if fault.CodeOf(err) == fault.KeyMissing {
		if _, _, err = s.generate(ctx, d, t); err == nil {
			key, err = s.key(ctx, u.String())
		}
	}
	if err != nil {
		return nil, err
	}
	if info := key.Info(); t.Sign && !info.CanSign || t.Derive && !info.CanDerive {
		return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("the token has a key %s that is for something else: choose another name", name.Quote(t.Label)))
	}
	return s.proven(ctx, u.String(), key)
}

// register has an approval key sign a registration, which the journal says before.
func (s *tokens) register(ctx context.Context, key *device.Key, why string, r statement.Registration) (string, error) {
	payload, err := statement.Encode(r)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(payload)
	event := journal.Event{Kind: journal.Registered, Entity: r.Entity, Member: r.Member, Statement: statement.TypRegistration, Digest: hex.EncodeToString(digest[:])}
	return s.journaled(ctx, key, event, func(journal.Head) (string, error) { return ceremony.Register(ctx, s.using(key, why), r) })
}
