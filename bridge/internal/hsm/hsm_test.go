package hsm

import (
	"testing"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/softhsm"
)

// The tests of this package share the module, so none is parallel. What a user of
// tokens gets is tested in bridge/internal/device; here is what shows from inside.

func open(t testing.TB, of *softhsm.Token) *Token {
	t.Helper()
	tokens, err := Open(Config{Path: of.Module})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tokens.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, k := range tokens.All() {
		if k.Identity().Label == of.Label {
			return k
		}
	}
	t.Fatalf("there is no token %q", of.Label)
	return nil
}

// A vault writes its watermark with each entry of its log, while its token fills
// with keys: what was written last is replaced without a search, in any login.
func TestADataObjectIsReplacedAndNothingElse(t *testing.T) {
	soft := softhsm.New(t, softhsm.Spec{Label: "marks"})
	k := open(t, soft)
	login := func() {
		t.Helper()
		if err := k.Login(t.Context(), PIN{Digits: []byte(soft.PIN)}); err != nil {
			t.Fatal(err)
		}
	}
	put := func(label, value string) {
		t.Helper()
		if err := k.PutData(t.Context(), label, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	count := func(label string) (n int) {
		t.Helper()
		if err := k.administer(t.Context(), "count", func(s pkcs11.SessionHandle) error {
			all, err := k.versions(s, label)
			n = len(all)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	login()
	put("mark", "1")
	put("other", "a")
	put("mark", "2")
	if err := k.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.PutData(t.Context(), "mark", []byte("x")); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("after a logout: %v, want PIN_REQUIRED", err)
	}
	login()
	put("mark", "3")
	put("other", "a")
	wrong := k.written["mark"] // a handle that came to mean another object
	wrong.object = k.written["other"].object
	k.written["mark"] = wrong
	put("mark", "4")
	for label, want := range map[string]string{"mark": "4", "other": "a"} {
		if data, err := k.Data(t.Context(), label); err != nil || string(data) != want || count(label) != 1 {
			t.Errorf("%s is %q in %d objects, %v; want %q in one", label, data, count(label), err, want)
		}
	}
}
