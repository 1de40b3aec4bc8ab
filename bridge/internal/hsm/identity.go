package hsm

import (
	"strings"

	"github.com/miekg/pkcs11"

	"countersign/shared/name"
)

// Identity tells tokens apart, byte for byte: what a token says of itself is not
// always text. It travels as its URI. The slot's number is not in it: it changes, and
// in SoftHSM it is derived.
type Identity struct {
	Label        string
	Manufacturer string
	Model        string
	Serial       string
}

func identityOf(info pkcs11.TokenInfo) (Identity, bool) {
	if info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
		return Identity{}, false
	}
	return Identity{Label: text(info.Label), Manufacturer: text(info.ManufacturerID), Model: text(info.Model), Serial: text(info.SerialNumber)}, true
}

// lacks reports that a token says less of itself than another: its label, its serial
// number or both are empty.
func (id Identity) lacks(of Identity) bool {
	return id.Label == "" && of.Label != "" || id.Serial == "" && of.Serial != ""
}

// text is an attribute of a token without its padding: blanks in the specification,
// and NUL in some modules. It has one form in tokens and in URIs.
func text(s string) string { return strings.TrimRight(s, " \x00") }

func orNoText(s string) string {
	if s = text(s); s == "" {
		return noText
	}
	return s
}

// URI names the token by all that it says of itself.
func (id Identity) URI() URI {
	return URI{Token: orNoText(id.Label), Manufacturer: orNoText(id.Manufacturer), Model: orNoText(id.Model), Serial: orNoText(id.Serial)}
}

// MarshalText writes the URI of the token.
func (id Identity) MarshalText() ([]byte, error) { return []byte(id.URI().String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *Identity) UnmarshalText(uri []byte) error {
	u, err := ParseURI(string(uri))
	*id = u.Identity()
	return err
}

// maxShown is how long the shown form of a label is, in bytes, at most.
const maxShown = 80

// Shown is the token's label as people read it, or its maker's words where it has
// none. It is not for finding a token. A label that looks like what tells tokens of one
// label apart is quoted.
func (id Identity) Shown() string {
	label := id.Label
	if label == "" {
		if label = strings.TrimSpace(id.Manufacturer + " " + id.Model); label == "" {
			return "token"
		}
	}
	shown := name.Shown(label)
	if strings.Contains(shown, "(") && strings.Contains(shown, "serial") {
		shown = strings.ReplaceAll(strings.ReplaceAll(name.Quote(shown), "(", `\x28`), ")", `\x29`)
	}
	return Clip(shown, maxShown)
}

// Quoted is Shown in quotation marks, for the middle of a sentence.
func (id Identity) Quoted() string { return name.Quote(id.Shown()) }

// Clip cuts a text that [name.Shown] returned to n bytes, when it is quoted.
func Clip(shown string, n int) string {
	if len(shown) <= n || !strings.HasPrefix(shown, `"`) {
		return shown
	}
	return shown[:n] + `…"`
}
