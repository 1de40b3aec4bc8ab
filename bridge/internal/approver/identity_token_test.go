package approver

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// A token is its manufacturer, model, serial and label together.

// twins opens two tokens labelled alice, each behind a module of its own, and returns
// their URIs.
func twins(t *testing.T) (d unlock.Devices, each [2]*softhsm.Faulty, uris [2]string) {
	t.Helper()
	for i := range each {
		each[i] = softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
			{Label: "approval", Curve: jws.P256, Sign: true}, {Label: "channel", Curve: jws.P256, Derive: true}}})
	}
	open, err := device.Open(device.Config{Modules: device.Modules(each[0].Module, each[1].Module), Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := open.Close(); err != nil {
			t.Error(err)
		}
	})
	all := open.All()
	if len(all) != 2 {
		t.Fatalf("%d tokens", len(all))
	}
	for _, k := range all {
		key, err := open.Key(t.Context(), k.Identity().URI().String()+";object=approval")
		if err != nil {
			t.Fatal(err)
		}
		for i := range each {
			if made, _ := each[i].Token.Key("approval"); string(made.Public) == string(key.PublicKey().Uncompressed()) {
				uris[i] = "pkcs11:token=alice;serial=" + k.Identity().Serial
			}
		}
	}
	return unlock.Devices{Devices: open}, each, uris
}

// startWith starts a bridge for one member whose keys have these URIs; token finds the
// keys that are certified.
func startWith(t *testing.T, d unlock.Devices, token, approval, channel string) *rig {
	t.Helper()
	return start(t, d, []*owner{enrolled(t, d, token)}, func(g *rig) {
		g.cfg.Identities[0].ApprovalKey, g.cfg.Identities[0].ChannelKey = approval+";object=approval", channel+";object=channel"
	})
}

// enrolled is the member of the keys of a token.
func enrolled(t *testing.T, d unlock.Devices, token string) *owner {
	t.Helper()
	m := &owner{id: "mem_alice", label: "alice"}
	for purpose, to := range map[string]*keys.Key{"approval": &m.approval, "channel": &m.channel} {
		var err error
		if *to, err = d.Key(t.Context(), token+";object="+purpose); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestTwoTokensOfOneLabelAreTold(t *testing.T) {
	t.Parallel()
	d, each, uris := twins(t)
	g := startWith(t, d, uris[1], uris[1], uris[1])
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte(each[1].Token.PIN), nil }
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	_, pins := g.person.questions()
	if len(pins) != 1 || !strings.Contains(pins[0].Reason, "The token is alice (serial ") || each[0].Calls("C_Login") != 0 {
		t.Errorf("PINs %+v; the other token was given %d", pins, each[0].Calls("C_Login"))
	}
	if info := g.info(b, "mem_alice"); info.Locked || !strings.HasPrefix(info.Device, "alice (serial ") {
		t.Errorf("%+v", info)
	}
	each[0].Vanish() // the other one goes: nothing of this one ends
	other, err := d.Devices.Device(t.Context(), uris[0])
	if err != nil {
		t.Fatal(err)
	}
	for other.Present() {
		<-time.After(5 * time.Millisecond)
	}
	if _, err := l.decide(t.Context(), "req_0002", statement.Approve); err != nil {
		t.Error(err)
	}
	if _, pins := g.person.questions(); len(pins) != 1 {
		t.Errorf("%d PINs", len(pins))
	}
}

func TestATokenThatIsNotNamedClearlyIsAskedForNoPIN(t *testing.T) {
	t.Parallel()
	d, each, uris := twins(t)
	g := startWith(t, d, uris[0], "pkcs11:token=alice", "pkcs11:token=alice")
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte(each[0].Token.PIN), nil }
	b := g.mustConnect()
	_, err := g.open(b, "mem_alice")
	wantCode(t, "two tokens match", err, fault.Invalid)
	if _, pins := g.person.questions(); len(pins) != 0 || each[0].Calls("C_Login")+each[1].Calls("C_Login") != 0 {
		t.Errorf("PINs %+v", pins)
	}
	if f, _ := fault.As(err); f == nil || !strings.Contains(f.Message, "serial=") {
		t.Errorf("%v does not say what tells them apart", err)
	}
}

// What one PIN unlocks is named, whichever attributes the URIs of the keys have.
func TestThePINsPromptNamesEveryKeyThatItUnlocksHoweverItsURINamesTheToken(t *testing.T) {
	t.Parallel()
	for name, uris := range map[string]func(device.Identity) (approval, channel string){
		"by label and by serial": func(id device.Identity) (string, string) {
			return "pkcs11:token=alice", device.URI{Serial: id.Serial}.String()
		},
		"by serial and by everything": func(id device.Identity) (string, string) {
			return device.URI{Serial: id.Serial}.String(), id.URI().String()
		},
		"by model and by label in capitals": func(id device.Identity) (string, string) {
			return device.URI{Model: id.Model}.String(), "PKCS11:token=%61lice"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
				{Label: "approval", Curve: jws.P256, Sign: true}, {Label: "channel", Curve: jws.P256, Derive: true}}})
			open, err := device.Open(device.Config{Modules: device.Modules(f.Module), Poll: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := open.Close(); err != nil {
					t.Error(err)
				}
			})
			approval, channel := uris(open.All()[0].Identity())
			g := startWith(t, unlock.Devices{Devices: open}, "pkcs11:token=alice", approval, channel)
			g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte(f.Token.PIN), nil }
			l := g.mustOpen(g.mustConnect(), "mem_alice")
			if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
				t.Fatal(err)
			}
			shown, pins := g.person.questions()
			if len(pins) != 1 || !strings.Contains(pins[0].Allows, "approval key") || !strings.Contains(pins[0].Allows, "channel key") || len(shown) != 2 {
				t.Errorf("PINs %+v, asked %q", pins, shown)
			}
		})
	}
}

// What doctor is told by the bridge that runs.
func TestTheBridgeSaysWhatItSees(t *testing.T) {
	t.Parallel()
	d, each, uris := twins(t)
	each[0].Token.Plant(t, softhsm.Planted{Act: softhsm.PlantPublic, Label: "approval", ID: []byte("approval"), Curve: jws.P256, Point: memory(t, jws.P256).PublicKey().Uncompressed()})
	g := startWith(t, d, uris[1], uris[1], "pkcs11:token=alice")
	g.bridge.members.Out = []member.LeftOut{{Config: member.Config{Member: "mem_bob"}, Code: fault.CertificateBad, Err: errors.New("the certificate is gone")}}
	codes := map[string]string{}
	for _, n := range g.bridge.seen(t.Context()) {
		codes[n.ID] = string(n.Code)
		if n.Remark {
			codes["a remark"] = n.Message
		}
	}
	if codes["key:mem_alice:approval"] != "" || codes["certificate:mem_bob"] != string(fault.CertificateBad) || codes["key:mem_alice:channel"] != string(fault.Invalid) || !strings.Contains(codes["a remark"], "another key has the same name") {
		t.Errorf("%v", codes)
	}
	each[1].Vanish()
	k, err := d.Devices.Device(t.Context(), uris[1])
	if err != nil {
		t.Fatal(err)
	}
	for k.Present() {
		<-time.After(5 * time.Millisecond)
	}
	for _, n := range g.bridge.seen(t.Context()) {
		if n.ID == "key:mem_alice:approval" && n.Code != fault.DeviceMissing {
			t.Errorf("%+v", n)
		}
	}
}
