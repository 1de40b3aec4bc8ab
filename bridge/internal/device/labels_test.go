package device

import (
	"encoding/json"
	"strings"
	"testing"

	"countersign/bridge/internal/hsm"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// Labels of tokens that are not clean text. All of them are in one store, so each has
// to be told from all others.
var odd = []string{
	"plain\x00\x00",                        // padded with NUL, as some modules do
	"plain2\x00 \x00",                      // and with both
	" plain",                               // a blank before it counts
	"  plain",                              //
	"A\x01B", "AB", `"A\x01B"`, "A\ufffdB", // what is shown in place of it is another's
	"Caf\xe9", "Caf\xe8", "Café", "Cafe\u0301", // Latin-1, and UTF-8 in two forms
	strings.Repeat("x", 31) + "\xc3", strings.Repeat("x", 31) + "\xc4", // cut within a character
	"\x1b[2J", "a\nYou pay 25.00 EUR", "\u202eecila", "\u3164",
	"100%", "a;object=b", "a?b=c#d", "pkcs11:token=a",
}

func TestATokenIsFoundByEveryByteOfItsLabel(t *testing.T) {
	made := map[string][]byte{} // by label: the public key
	var module string
	for _, label := range odd {
		soft := token(t, label, softhsm.Key{Label: label, ID: "\xff" + label, Curve: jws.P256, Sign: true})
		module, made[label] = soft.Module, soft.Keys[0].Public
	}
	inBothModes(t, func(t *testing.T, inProcess bool) {
		devices := open(t, module, inProcess)
		if all := devices.All(); len(all) != len(odd) {
			t.Fatalf("%d tokens, want %d", len(all), len(odd))
		}
		names := map[string]bool{}
		for _, label := range odd {
			for _, uri := range []string{URI{Token: label}.String(), URI{Token: strings.TrimRight(label, " \x00")}.String(), URI{Token: label + " \x00 "}.String()} {
				d, err := devices.Device(t.Context(), uri)
				if err != nil {
					t.Fatalf("%s: %v", uri, err)
				}
				id := d.Identity()
				for _, u := range []URI{id.URI(), devices.Brief(id)} {
					u.Object, u.ID = label, "\xff"+label
					key, err := devices.Key(t.Context(), u.String())
					if err != nil || string(key.PublicKey().Uncompressed()) != string(made[label]) {
						t.Errorf("%s: %v, %v", u, key, err)
					}
				}
				if s := d.State(t.Context()); s.Identity != id || !s.Present {
					t.Errorf("%s: the state of %+v", uri, s)
				}
				names[devices.Name(id)] = true
			}
		}
		if len(names) != len(odd) {
			t.Errorf("%d tokens have the names %v", len(odd), names)
		}
		for _, uri := range []string{"pkcs11:token=Caf", "pkcs11:token=plain%00x", "pkcs11:token=%20%20%20plain", "pkcs11:token=A%EF%BF%BD", "pkcs11:token=A", "pkcs11:token=", "pkcs11:token=%20"} {
			u, err := ParseURI(uri)
			if err != nil {
				t.Fatal(err)
			}
			if d, err := devices.Known(u); err != nil || d != nil {
				t.Errorf("%s: %v, %v; there is none", uri, d, err)
			}
		}
	})
}

// SoftHSM's other fields are its own, and other modules have what they like there.
func TestEveryFieldOfATokenHasOneForm(t *testing.T) {
	t.Parallel()
	have := Identity{Label: "plain", Manufacturer: "M\xe9", Model: "YubiKey YK5", Serial: "0001"}
	m := &module{known: []*Device{{id: have, present: true}, {id: Identity{Label: "bare"}, present: true}}}
	m.known[0].module, m.known[1].module = m, m
	devices := &Devices{modules: []*module{m}}
	for uri, found := range map[string]bool{
		"pkcs11:model=YubiKey%20YK5%00": true, "pkcs11:model=YubiKey%20YK5%20%20": true, "pkcs11:manufacturer=M%E9%20": true, "pkcs11:serial=0001%00%00": true,
		"pkcs11:model=YubiKey%20YK5;manufacturer=M%e9;serial=0001;token=plain": true, "pkcs11:model=%20YubiKey%20YK5": false, "pkcs11:manufacturer=M%E8": false,
		"pkcs11:manufacturer=M": false, "pkcs11:serial=1": false, "pkcs11:serial=0001%01": false, "pkcs11:serial=;token=plain": false, "pkcs11:serial=%20;token=bare": true, "pkcs11:model=;token=bare": true,
	} {
		u, err := ParseURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := devices.Known(u); err != nil || (k != nil) != found {
			t.Errorf("%s: %v, %v; want it found: %v", uri, k, err, found)
		}
	}
	for _, k := range m.known { // between processes
		var again Identity
		data, err := json.Marshal(tokenInfo{Identity: k.id})
		if err == nil {
			var info tokenInfo
			info, err = decode[tokenInfo](data)
			again = info.Identity
		}
		if err != nil || again != k.id {
			t.Errorf("%+v is written %s and read as %+v, %v", k.id, data, again, err)
		}
	}
}

// What is printed is accepted, and what could not be is left out.
func TestAKeyWithALongNameIsFoundByIt(t *testing.T) {
	soft := token(t, strings.Repeat("\xe9", 32), softhsm.Key{Label: strings.Repeat("\x01", 500), ID: strings.Repeat("\xff", 200), Curve: jws.P256, Sign: true},
		softhsm.Key{Label: strings.Repeat("x", 5000), ID: "1", Curve: jws.P256, Sign: true})
	devices := open(t, soft.Module, false)
	d := devices.All()[0]
	list, err := d.Keys(t.Context())
	if err != nil || len(list.Keys) != 1 || len(list.Omitted) != 1 || !strings.Contains(list.Omitted[0].Why, "bytes") {
		t.Fatalf("%+v, %v", list, err)
	}
	u := d.Identity().URI()
	u.Object, u.ID = list.Keys[0].URI().Object, list.Keys[0].URI().ID
	if key, err := devices.Key(t.Context(), u.String()); err != nil || !key.PublicKey().Equal(list.Keys[0].PublicKey()) {
		t.Errorf("a URI of %d bytes: %v", len(u.String()), err)
	}
	if _, err := ParseURI("pkcs11:token=" + strings.Repeat("x", 20000)); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
}

func TestALabelThatIsNoTextIsRefusedForANewKey(t *testing.T) {
	soft := token(t, "new")
	devices := open(t, soft.Module, false)
	d := unlock(t, devices, "new", soft.PIN)
	if _, err := d.Generate(t.Context(), hsm.Template{Curve: jws.P256, Label: "Caf\xe9", Sign: true}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("%v, want INVALID_REQUEST", err)
	}
}
