package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/doctor"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/name"
)

type keysCommand struct {
	List         keysList     `cmd:"" help:"List the keys in your tokens, and those that the identities need."`
	Generate     keysGenerate `cmd:"" help:"Make an approval key and a channel key in a token."`
	ExportPublic keysExport   `cmd:"" help:"Print the public half of a key, as JWK and PEM."`
	Attest       keysAttest   `cmd:"" help:"Print the token's own certificate for a key, where it has one."`
	Delete       keysDelete   `cmd:"" help:"Remove a key from its token, permanently."`
}

type keysList struct {
	configFlag
	JSON bool `help:"For programs: one JSON object."`
}

// Help is shown by `countersign-bridge keys list --help`.
func (keysList) Help() string {
	return `Lists what the tokens show without a PIN, and says which keys the certificates of
your identities name. Asks for no PIN and changes nothing. What is left out of the
list, and why, stands below it. Lines have at most 80 columns, but a URI is never
broken; programs read --json.

A key that no certificate names is unproven: it is a public key that the token shows,
and whoever opens the token without its PIN may put one there. Whether its private
half is in the token shows at its first use, and export-public proves it.

Examples:
  countersign-bridge keys list
  countersign-bridge keys list --json`
}

// keyList is what list prints.
type keyList struct {
	Keys    []listedKey `json:"keys"`
	LeftOut []string    `json:"left_out"` // what is not in it, why, and what to do about it
}

// listedKey is one key, or with neither curve nor thumbprint a token that could not be
// read.
type listedKey struct {
	URI        string   `json:"uri"`
	Curve      string   `json:"curve,omitempty"`
	Thumbprint string   `json:"thumbprint,omitempty"`
	UsedAs     []string `json:"used_as"` // "approval of mem_alice"
	State      string   `json:"state"`   // present, unproven, or the code of what is wrong
}

func (l *keyList) add(uri string, key jws.PublicKey, usedAs []string, state string) {
	l.Keys = append(l.Keys, listedKey{uri, key.Curve(), key.Thumbprint(), append([]string{}, usedAs...), state})
}

// print writes the list for a person.
func (l keyList) print(w io.Writer) (err error) {
	for _, k := range l.Keys {
		thumbprint := ""
		if k.Thumbprint != "" {
			thumbprint = "thumbprint " + k.Thumbprint
		}
		err = errors.Join(err, item(w, k.URI, k.Curve, strings.Join(k.UsedAs, ", "), k.State, thumbprint))
	}
	for _, why := range l.LeftOut {
		err = errors.Join(err, remark(w, why))
	}
	return err
}

func (c *keysList) Run(ctx context.Context, std stdio) (err error) {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	if err := cfg.Trust(nil); err != nil {
		return err
	}
	members, certificateErr := cfg.Members()
	devices, err := device.Open(device.Config{Modules: cfg.DeviceModules(), Timeout: tokenTimeout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, devices.Close()) }()
	seen, hidden := map[string]bool{}, false
	list, out := keyList{Keys: []listedKey{}}, []string{}
	for _, o := range members.Out {
		out = append(out, fmt.Sprintf("left out: the identity %s: %v", o.Member, o.Err))
	}
	for _, m := range members.All {
		if err := m.Valid(time.Now()); err != nil {
			out = append(out, fmt.Sprintf("left out by the bridge: the identity %s: %v", m.Member, err))
		}
	}
	for _, p := range devices.Problems() {
		if p.Same != "" {
			out = append(out, fmt.Sprintf("left out: the module %s: it is the same file as %s", p.Path, p.Same))
			continue
		}
		out = append(out, fmt.Sprintf("left out: the tokens of the module %s: %v", p.Path, p.Err))
	}
	for _, d := range devices.All() {
		token := devices.Brief(d.Identity())
		if !d.Present() {
			continue
		}
		all, err := d.Keys(ctx)
		if err != nil {
			hidden = true
			list.Keys = append(list.Keys, listedKey{URI: token.String(), UsedAs: []string{}, State: string(fault.CodeOf(err))})
			continue
		}
		for _, k := range all.Keys {
			seen[k.PublicKey().Thumbprint()] = true
			used, state := usedAs(members.All, k.PublicKey()), "present"
			if len(used) == 0 && !k.Proven() {
				state = "present, unproven"
			}
			list.add(uriOf(token, k, all.Keys), k.PublicKey(), used, state)
		}
		for _, o := range all.Omitted {
			out = append(out, fmt.Sprintf("left out of the token %s: %s: %s", name.Quote(devices.Name(d.Identity())), o.Object, o.Why))
		}
	}
	unusable := devices.Usable()
	if len(seen) == 0 && len(members.All) == 0 && !hidden && certificateErr == nil && unusable == nil {
		out = append(out, "no token shows a key without its PIN: countersign-bridge keys generate makes keys")
	}
	for _, m := range members.All {
		for _, k := range m.Keys() {
			if seen[k.Public.Thumbprint()] {
				continue
			}
			_, err := devices.Key(ctx, k.URI)
			if err == nil {
				err = fault.New(fault.KeyUnsuited, "there is one, and it is another")
			}
			state := string(fault.CodeOf(err))
			list.add(k.URI, k.Public, []string{k.Purpose + " of " + m.Member}, state)
			if remedy := state + ": " + doctor.RemedyFor(err); fault.CodeOf(err) != fault.PINRequired && !slices.Contains(out, remedy) {
				out = append(out, remedy)
			}
		}
	}
	list.LeftOut = out
	if c.JSON {
		err = writeJSON(std.out, list)
	} else {
		err = list.print(std.out)
	}
	return errors.Join(err, certificateErr, unusable)
}

// uriOf names a key among those of its token: by its label, and by its id where
// the label is not enough.
func uriOf(token device.URI, key *device.Key, among []*device.Key) string {
	u := key.URI()
	same := slices.ContainsFunc(among, func(k *device.Key) bool {
		return k.URI().Object == u.Object && !k.PublicKey().Equal(key.PublicKey())
	})
	token.Object = u.Object
	if same || u.Object == "" {
		token.ID = u.ID
	}
	return token.String()
}

// usedAs says what the certificates call a key.
func usedAs(members []*member.Identity, key jws.PublicKey) (all []string) {
	for _, m := range members {
		for _, k := range m.Keys() {
			if k.Public.Equal(key) {
				all = append(all, k.Purpose+" of "+m.Member)
			}
		}
	}
	return all
}

type keysGenerate struct {
	configFlag
	Token    string `required:"" placeholder:"LABEL|URI" help:"The token, by its label, or by a URI where several have the label: pkcs11:token=alice;serial=0123."`
	Curve    string `default:"secp256k1" enum:"secp256k1,P-256" help:"secp256k1, or P-256 for tokens that lack it (PIV, TPM)."`
	Only     string `enum:"approval,channel," default:"" help:"Make only the approval key, or only the channel key."`
	Approval string `default:"approval" placeholder:"NAME" help:"What the approval key is called in the token (${default})."`
	Channel  string `default:"channel" placeholder:"NAME" help:"What the channel key is called in the token (${default})."`
}

// Help is shown by `countersign-bridge keys generate --help`.
func (keysGenerate) Help() string {
	return `Makes an approval key, which signs, and a channel key, which does ECDH. The private
halves never leave the token. Prints the lines for your configuration, and the
public keys that the vault's operator needs to enrol you.

Examples:
  countersign-bridge keys generate --token alice
  countersign-bridge keys generate --token piv --curve P-256 --only approval`
}

// made is what generate prints: for the configuration, and for the vault's
// operator.
type made struct {
	ApprovalKey string   `json:"approval_key,omitempty"`
	ChannelKey  string   `json:"channel_key,omitempty"`
	Approval    *jwk.Key `json:"approval,omitempty"`
	Channel     *jwk.Key `json:"channel,omitempty"`
}

func (c *keysGenerate) Run(ctx context.Context, std stdio) (err error) {
	cfg, err := approver.Load(c.Config)
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
	called := s.devices.Name(d.Identity())
	if err := c.lacking(called, d.State(ctx)); err != nil {
		return err
	}
	if err := s.unlockToken(ctx, d, "You are making keys in the token."); err != nil {
		return err
	}
	// A token that makes no keys for a moment says nothing about curves.
	if can, err := d.Curves(ctx); err == nil && !slices.Contains(can, c.Curve) {
		return lacks(called, c.Curve, "It has "+strings.Join(can, ", ")+": use --curve")
	}
	var out made
	if c.Only != member.PurposeChannel {
		out.ApprovalKey, out.Approval, err = s.generate(ctx, d, device.Template{Curve: c.Curve, Label: c.Approval, Sign: true})
	}
	if err == nil && c.Only != member.PurposeApproval {
		out.ChannelKey, out.Channel, err = s.generate(ctx, d, device.Template{Curve: c.Curve, Label: c.Channel, Derive: true})
	}
	if out.Approval == nil && out.Channel == nil {
		return err
	}
	return errors.Join(err, writeJSON(std.out, out))
}

// writeJSON writes a value for programs, in lines.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// lacking refuses before the PIN what the token says that it cannot do.
func (c *keysGenerate) lacking(called string, s device.State) error {
	for _, what := range s.Lacks {
		switch {
		case what == device.LacksECDH && c.Only != member.PurposeApproval:
			return lacks(called, what, "It can hold no channel key: use --only approval, and a channel key in another token or in software")
		case what == device.LacksSigning && c.Only != member.PurposeChannel:
			return lacks(called, what, "It can hold no approval key: use another token")
		case what == c.Curve:
			return lacks(called, what, "Use another --curve")
		}
	}
	return nil
}

func lacks(called, what, remedy string) error {
	return fault.New(fault.KeyUnsuited, fmt.Sprintf("the token %s lacks %s. %s", name.Quote(called), what, remedy)).With("lacks", what)
}

// generate makes one key pair and writes it down. A key that no line of the
// journal names is not kept.
func (s *tokens) generate(ctx context.Context, d *device.Device, t device.Template) (uri string, jwk *jwk.Key, err error) {
	event := journal.Event{Kind: journal.KeyMade, Device: s.devices.Name(d.Identity())}
	key, err := d.Generate(ctx, t)
	if err != nil {
		event.Kind, event.Code = journal.Failed, string(fault.CodeOf(err))
		_, jerr := s.book.Append(ctx, event)
		return "", nil, errors.Join(fmt.Errorf("make the key %s: %w", name.Quote(name.Shown(t.Label)), err), jerr)
	}
	event.Key = key.PublicKey().Thumbprint()
	if _, err := s.book.Append(ctx, event); err != nil {
		if k, ok := key.(*device.Key); ok {
			err = errors.Join(err, k.Delete(ctx))
		}
		return "", nil, err
	}
	public := key.PublicKey().JWK()
	u := s.devices.Brief(d.Identity())
	u.Object = t.Label
	return u.String(), &public, nil
}

// keyArgument names a key.
type keyArgument struct {
	URI string `arg:"" name:"uri" help:"The key: pkcs11:token=alice;object=approval."`
}

// withKey opens the tokens of a configuration and finds a key.
func withKey(ctx context.Context, config, uri string, do func(*tokens, *device.Key) error) (err error) {
	cfg, err := approver.Load(config)
	if err != nil {
		return err
	}
	s, err := openTokens(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	key, err := s.key(ctx, uri)
	if err != nil {
		return err
	}
	return do(s, key)
}

type keysDelete struct {
	configFlag
	keyArgument
	Force bool `help:"Also a key that an identity of the configuration uses."`
}

// Help is shown by `countersign-bridge keys delete --help`.
func (keysDelete) Help() string {
	return `Asks twice: the prompt shows which key it is, and then wants the PIN. The key is
gone permanently; no copy of it exists.

Example:
  countersign-bridge keys delete 'pkcs11:token=alice;object=old-approval'`
}

func (c *keysDelete) Run(ctx context.Context, std stdio) error {
	return withKey(ctx, c.Config, c.URI, func(s *tokens, key *device.Key) error {
		used := s.usedBy(ctx, key)
		if used != "" && !c.Force {
			return fault.New(fault.Conflict, fmt.Sprintf("the key is %s, by the configuration: without it nothing can be approved. Say --force to delete it all the same", used))
		}
		info, print := key.Info(), key.PublicKey().Thumbprint()
		info.Device = s.devices.Name(key.Device().Identity())
		if used == "" {
			used = "used by no identity of the configuration"
		}
		err := s.asker.Confirm(ctx, deletion(info, key.PublicKey().Curve(), print, used))
		if err != nil {
			return err
		}
		if err := s.deleteKey(ctx, key); err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "deleted %s of the token %s\n", print, info.Device)
		return err
	})
}

// deleteKey asks for the PIN and removes a key, which the journal says before.
func (s *tokens) deleteKey(ctx context.Context, key *device.Key) error {
	if !key.Device().State(ctx).NoPIN { // the person has typed the word already
		if err := s.unlockToken(ctx, key.Device(), "You are deleting a key of the token."); err != nil {
			return err
		}
	}
	event := journal.Event{Kind: journal.KeyDeleted, Device: s.devices.Name(key.Device().Identity()), Key: key.PublicKey().Thumbprint()}
	if _, err := s.book.Append(ctx, event); err != nil {
		return err
	}
	if err := key.Delete(ctx); err != nil {
		event.Kind, event.Code = journal.Failed, string(fault.CodeOf(err))
		_, jerr := s.book.Append(ctx, event)
		return errors.Join(err, jerr)
	}
	return nil
}

// usedBy says which identity names a key: by its URI, or in its certificate.
func (s *tokens) usedBy(ctx context.Context, key keys.Key) string {
	for _, ic := range s.cfg.Identities {
		for _, k := range []struct{ purpose, uri string }{{member.PurposeApproval, ic.ApprovalKey}, {member.PurposeChannel, ic.ChannelKey}} {
			if named, err := s.devices.Key(ctx, k.uri); err == nil && named.PublicKey().Equal(key.PublicKey()) {
				return "the " + k.purpose + " key of " + ic.Member
			}
		}
	}
	if list, err := s.cfg.Members(); err == nil {
		if used := usedAs(list.All, key.PublicKey()); len(used) > 0 {
			return "certified as " + strings.Join(used, ", ")
		}
	}
	return ""
}

// deletion asks whether a key is to be deleted.
func deletion(info keys.Info, curve, thumbprint, used string) consent.Question {
	return consent.Question{Title: "Delete a key of the token " + info.Device,
		Text: fmt.Sprintf("This removes a key permanently. No copy of it exists.\n\nToken:      %s\nKey:        %s\nCurve:      %s\nThumbprint: %s\nIt is %s.\n",
			info.Device, info.Label, curve, thumbprint, used), No: "No key was deleted."}
}
