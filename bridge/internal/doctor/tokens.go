package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
)

// mechanisms are what the bridge uses of a token (PKCS #11 v2.40 §2.3).
var mechanisms = []struct {
	number uint
	name   string
}{
	{0x1040, "CKM_EC_KEY_PAIR_GEN"}, {0x1041, "CKM_ECDSA"}, {0x1050, "CKM_ECDH1_DERIVE"},
}

// startTime is how long a module that failed may take to come up again.
const startTime = 10 * time.Second

// tokens loads each module by itself, to say how it is, and then all of them as the
// bridge does.
func (c *checks) tokens(ctx context.Context, members []*member.Identity) {
	if len(c.Bridge.Modules) == 0 {
		c.note("modules", Warn, "no PKCS#11 module is configured", `List the module of your token in "modules"; its maker's manual says where it is.`)
	}
	var sound []device.Module
	for _, m := range c.Bridge.DeviceModules() {
		if c.refused["module:"+m.Path] {
			continue
		}
		if d := c.module(ctx, m.Path); d != nil {
			sound = append(sound, m)
			if err := c.within(d.Close); err != nil {
				c.note("modules", Warn, "a module does not close: "+err.Error(), "")
			}
		}
	}
	c.together(ctx, sound, members)
}

// together looks at the modules as the bridge does: all at once. What it says of a
// token that is not clear, or of a module that is left out because it is listed twice,
// is what the bridge says.
func (c *checks) together(ctx context.Context, modules []device.Module, members []*member.Identity) {
	opened := make(chan *device.Devices, 1)
	err := c.within(func() error {
		d, err := device.Open(device.Config{Modules: modules, Timeout: c.Timeout})
		if err == nil {
			opened <- d
		}
		return err
	})
	if err != nil {
		c.note("modules", Bad, "the modules cannot be opened together: "+messageOf(err), cmp.Or(RemedyFor(err), moduleRemedy))
		return
	}
	d := <-opened
	for _, p := range d.Problems() {
		if p.Same != "" {
			c.note("twice:"+p.Path, Warn, messageOf(p.Err), onceRemedy)
			continue
		}
		c.note("together:"+p.Path, Bad, "beside the others, "+messageOf(p.Err), cmp.Or(RemedyFor(p.Err), moduleRemedy))
	}
	for _, t := range d.All() {
		if t.Present() {
			c.token(ctx, d, t)
		}
	}
	for _, m := range members {
		for _, k := range m.Keys() {
			if k.Purpose == member.PurposeChannel && m.ChannelIn != "token" {
				continue
			}
			c.key(ctx, d, m, k)
		}
	}
	if err := c.within(d.Close); err != nil {
		c.note("modules", Warn, "a module does not close: "+err.Error(), "")
	}
}

func messageOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Message
	}
	return err.Error()
}

const (
	strayRemedy   = "When it is not yours, remove it with the token maker's tool, or with pkcs11-tool --delete-object."
	onceRemedy    = `List each module once in "modules".`
	unclearRemedy = "Name one token in the configuration: keys list prints URIs that are clear."
)

// within runs what may hang, and stops waiting for it. What hangs is in a process of its
// own, which ends with this one.
func (c *checks) within(do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * c.Timeout):
		return fault.New(fault.ModuleFailed, fmt.Sprintf("it did not answer for %s", 2*c.Timeout)).With("how", "timeout")
	}
}

// module loads one module; nil when it cannot be used.
func (c *checks) module(ctx context.Context, path string) *device.Devices {
	id := "module:" + path
	if _, err := os.Stat(path); err != nil {
		c.note(id, Bad, err.Error(), "Install the token's PKCS#11 module, or write where it is.")
		return nil
	}
	opened := make(chan *device.Devices, 1)
	err := c.within(func() error {
		d, err := device.Open(device.Config{Modules: []device.Module{{Path: path, Reserved: c.Bridge.ModuleReserved[path]}}, Timeout: c.Timeout})
		if err == nil {
			opened <- d
		}
		return err
	})
	var d *device.Devices
	n := 0
	if err == nil {
		d = <-opened
		if err = d.Usable(); err == nil {
			n, err = c.present(ctx, d)
		} else {
			_ = c.within(d.Close) // nothing more is done with it
		}
	}
	if err != nil {
		what, remedy := err.Error(), "It must be a PKCS#11 module for this computer's architecture, with the libraries and services that it needs (pcscd for smart cards). Update it, or ask its maker."
		switch f, _ := fault.As(err); {
		case f == nil:
		case f.Code == fault.ModuleFailed:
			what = fmt.Sprintf("the module %s %s", path, how(f))
		case inFiles(path):
			remedy = RemedyFor(err)
		}
		c.note(id, Bad, what, remedy)
		return nil
	}
	if n == 0 {
		c.note(id, Warn, "the module "+path+" loads and shows no token", plugIn(path))
	} else {
		c.note(id, OK, "the module "+path+" loads and shows "+fold.Count(n, "token", "tokens"), "")
	}
	return d
}

// present counts the tokens that a module shows. Devices that are open know a
// module that does not come up only by what they answer.
func (c *checks) present(ctx context.Context, d *device.Devices) (n int, err error) {
	for _, t := range d.All() {
		if t.Present() {
			n++
		}
	}
	if n > 0 {
		return n, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout+startTime)
	defer cancel()
	_, err = d.Device(ctx, device.URI{Token: "none that could be there"}.String())
	if fault.CodeOf(err) == fault.DeviceMissing {
		return 0, nil
	}
	_ = c.within(d.Close) // nothing more is done with it
	return 0, err
}

func how(f *fault.Error) string {
	switch f.Details["how"] {
	case "timeout":
		return "hangs: it did not answer in time"
	case "garbage":
		return "answers garbage"
	}
	return "crashes"
}

// token says what a token is and can do.
func (c *checks) token(ctx context.Context, all *device.Devices, t *device.Device) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	id := t.Identity()
	called := all.Name(id)
	quoted, about := name.Quote(called), "token:"+called
	if _, err := all.Known(id.URI()); err != nil {
		c.note("twice:"+called, Bad, messageOf(err), "Leave one of the modules out of the configuration.")
	}
	if id.Label != "" && called != id.Shown() {
		c.note("label:"+called, Warn, fmt.Sprintf("several tokens have the label %s: a URI with the label alone is refused", id.Quoted()), unclearRemedy)
	}
	s := t.State(ctx)
	model := name.Shown(strings.TrimSpace(id.Manufacturer + " " + id.Model))
	switch {
	case !s.Present:
		c.note(about, Bad, fmt.Sprintf("the token %s (%s) does not say how it is", quoted, model), "Pull it and plug it in again.")
		return
	case s.PINLocked:
		c.note(about, Bad, fmt.Sprintf("the token %s (%s) is locked after too many wrong PINs", quoted, model), "Its administrator can unlock it with the SO PIN or PUK.")
	case s.PINUnset:
		c.note(about, Bad, fmt.Sprintf("the PIN of the token %s (%s) was never set", quoted, model), returns[0x102])
	case s.PINStale:
		c.note(about, Bad, fmt.Sprintf("the PIN of the token %s (%s) has expired, or is the one that it was delivered with, and must be changed", quoted, model), returns[0xa3])
	case s.FinalTry:
		c.note(about, Warn, fmt.Sprintf("one more wrong PIN locks the token %s (%s)", quoted, model), "Be sure of the PIN; the bridge asks before it makes the last try.")
	case s.CountLow:
		c.note(about, Warn, fmt.Sprintf("a wrong PIN was given to the token %s (%s)", quoted, model), "The next right one resets the count.")
	case s.ReadOnly:
		c.note(about, Warn, fmt.Sprintf("the token %s (%s) is write-protected: its keys can be used, and none can be made or deleted", quoted, model), returns[0xe2])
	default:
		c.note(about, OK, fmt.Sprintf("the token %s (%s) is there%s", quoted, model, pad(s)), "")
	}
	c.abilities(ctx, t, called, s)
}

func pad(s device.State) string {
	if s.NoPIN {
		return ", and needs no PIN"
	}
	if s.PINPad {
		return ", with a pad for its PIN"
	}
	return ""
}

// abilities names what a token lacks, before somebody needs it.
func (c *checks) abilities(ctx context.Context, t *device.Device, called string, s device.State) {
	quoted, id := name.Quote(called), "mechanisms:"+called
	numbers, err := t.Mechanisms(ctx)
	if err != nil {
		c.note(id, Bad, fmt.Sprintf("the token %s does not say what it can do: %s", quoted, err.Error()), RemedyFor(err))
		return
	}
	var has, lacks []string
	for _, m := range mechanisms {
		if slices.Contains(numbers, m.number) {
			has = append(has, m.name)
		} else {
			lacks = append(lacks, m.name)
		}
	}
	what := fmt.Sprintf("the token %s has %s of its %d mechanisms", quoted, strings.Join(has, ", "), len(numbers))
	switch {
	case slices.Contains(lacks, "CKM_ECDSA"):
		c.note(id, Bad, fmt.Sprintf("the token %s cannot sign with elliptic curves: it lacks CKM_ECDSA", quoted), "Use another token for the approval key.")
	case slices.Contains(lacks, "CKM_ECDH1_DERIVE"):
		c.note(id, Warn, what+"; it lacks CKM_ECDH1_DERIVE", "It can hold an approval key and no channel key: keep that in another token, or in software.")
	case len(lacks) > 0:
		c.note(id, Warn, what+"; it lacks "+strings.Join(lacks, ", "), "Make its keys with its maker's tool.")
	default:
		c.note(id, OK, what, "")
	}
	c.curves(ctx, t, called, s)
}

// curves tells which curves are known to work: those of keys that are there. Which
// others the token has shows only when it is unlocked.
func (c *checks) curves(ctx context.Context, t *device.Device, called string, s device.State) {
	quoted, id := name.Quote(called), "curves:"+called
	all, err := t.Keys(ctx)
	if err != nil {
		if fault.CodeOf(err) != fault.PINRequired {
			c.note(id, Warn, fmt.Sprintf("the token %s does not list its keys: %s", quoted, err.Error()), RemedyFor(err))
		}
		return
	}
	for _, o := range all.Doubts {
		c.note("object:"+called+":"+o.Object, Warn, fmt.Sprintf("in the token %s there is the %s: %s", quoted, o.Object, o.Why), strayRemedy)
	}
	for _, o := range all.Omitted {
		c.note("object:"+called+":"+o.Object, Warn, fmt.Sprintf("in the token %s the %s is left out: %s", quoted, o.Object, o.Why), strayRemedy)
	}
	count := map[string]int{}
	for _, k := range all.Keys {
		count[k.PublicKey().Curve()]++
	}
	var have []string
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		if slices.Contains(s.Lacks, curve) {
			have = append(have, "no "+curve)
		} else if count[curve] > 0 {
			have = append(have, fold.Count(count[curve], "key", "keys")+" on "+curve)
		}
	}
	if len(have) == 0 {
		c.note(id, OK, fmt.Sprintf("the token %s shows no keys on our curves without its PIN", quoted), "countersign-bridge keys generate makes keys, and says which curves the token lacks.")
		return
	}
	c.note(id, OK, fmt.Sprintf("the token %s has %s", quoted, strings.Join(have, ", ")), "")
}

// key looks for a key that a certificate names.
func (c *checks) key(ctx context.Context, all *device.Devices, m *member.Identity, k member.Key) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	id := fmt.Sprintf("key:%s:%s", m.Member, k.Purpose)
	what := fmt.Sprintf("the %s key of %s on %s", k.Purpose, m.Member, k.Public.Curve())
	key, err := all.Key(ctx, k.URI)
	switch {
	case fault.CodeOf(err) == fault.Invalid:
		c.note(id, Bad, what+": "+messageOf(err), unclearRemedy)
	case fault.CodeOf(err) == fault.PINRequired:
		c.note(id, OK, what+" shows when the token is unlocked", "")
	case err != nil:
		f, ok := fault.As(err)
		if !ok {
			f = fault.New(fault.Internal, err.Error())
		}
		level := Bad
		if f.Code == fault.DeviceMissing || f.Code == fault.DeviceRemoved {
			level = Warn // a token that is not plugged in is not a fault
		}
		c.note(id, level, what+": "+f.Message, RemedyFor(err))
	case !key.PublicKey().Equal(k.Public):
		c.note(id, Bad, what+": the token's key is not the one in the certificate", Remedy(fault.KeyUnsuited))
	case key.Info().AlwaysAuth:
		c.note(id, OK, what+" is there; the token wants its PIN at each use", "")
	default:
		c.note(id, OK, what+" is there", "")
	}
}
