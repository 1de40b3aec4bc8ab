package p11uri

import (
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestURIsAreReadStrictly(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]URI{
		"pkcs11:":                                    {},
		"pkcs11:token=alice;object=approval":         {Token: "alice", Object: "approval"},
		"PKCS11:token=a%20b;id=%00%ff":               {Token: "a b", ID: "\x00\xff"},
		"pkcs11:token=v?pin-source=file:/etc/p%20in": {Token: "v", PINSource: "file:/etc/p in"},
		"pkcs11:type=private;serial=0123;model=SoftHSM%20v2;manufacturer=x": {Type: "private", Serial: "0123", Model: "SoftHSM v2", Manufacturer: "x"},
	} {
		got, err := Parse(uri, PINSource)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", uri, got, err)
		}
	}
	for _, uri := range []string{"", "token=a", "pkcs11", "http:token=a", "pkcs11:token", "pkcs11:token=a;token=b", "pkcs11:token=a b",
		"pkcs11:token=%zz", "pkcs11:token=%2", "pkcs11:slot-id=1", "pkcs11:type=key", "pkcs11:token=a?pin-value=1234", "pkcs11:token=a?pin-source=file:pin", "pkcs11:token=a?pin-source=%7ccat",
		"pkcs11:token=a?pin-source=file:/a&pin-value=1", "pkcs11:token=a?pin-source=file:/a&pin-source=file:/b",
		"pkcs11:token=a#x", "pkcs11:token=a;", "pkcs11:token=a;object=", "pkcs11:id=", "pkcs11:object=a;id=", "pkcs11:id=;object=a", "pkcs11:" + strings.Repeat("a", 2000)} {
		if _, err := Parse(uri, PINSource); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v, want INVALID_REQUEST", uri, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("pkcs11:token=alice;object=approval;id=%01%02")
	f.Add("pkcs11:type=private;serial=0123")
	f.Add("pkcs11:token=v?pin-source=file:/etc/p%20in")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := Parse(s, PINSource, ModulePath)
		if err != nil {
			return
		}
		again, err := Parse(u.String(), PINSource, ModulePath)
		if err != nil && len(u.String()) <= Max || err == nil && again != u {
			t.Fatalf("%q is %+v, written %q, read as %+v, %v", s, u, u, again, err)
		}
	})
}

func TestAProgramTakesTheQueryAttributesThatItUsesAndNoOthers(t *testing.T) {
	t.Parallel()
	const module, pin = "pkcs11:token=a;object=b?module-path=/usr/lib/p%20q.so", "pkcs11:token=a?pin-source=file:/pin"
	if u, err := Parse(module, ModulePath); err != nil || u.ModulePath != "/usr/lib/p q.so" || u.String() != module {
		t.Errorf("%+v, %v", u, err)
	}
	for _, r := range []struct {
		uri  string
		take []string
		says string
	}{
		{module, nil, "no query attribute is supported"}, {module, []string{PINSource}, "only pin-source=file:/PATH is"},
		{pin, []string{ModulePath}, "only module-path=/PATH is"}, {module + "&module-path=/x", []string{ModulePath}, "once"},
		{"pkcs11:token=a?module-path=", []string{ModulePath}, "only module-path"},
	} {
		if _, err := Parse(r.uri, r.take...); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), r.says) {
			t.Errorf("%s: %v", r.uri, err)
		}
	}
}
