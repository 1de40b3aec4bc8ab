package hsm

import (
	"strings"

	"github.com/miekg/pkcs11"

	"countersign/shared/name"
	"countersign/shared/p11uri"
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

func text(s string) string { return p11uri.Text(s) }

// URI names the token by all that it says of itself.
func (id Identity) URI() URI {
	return URI{Token: p11uri.OrBlank(id.Label), Manufacturer: p11uri.OrBlank(id.Manufacturer), Model: p11uri.OrBlank(id.Model), Serial: p11uri.OrBlank(id.Serial)}
}

// MarshalText writes the URI of the token.
func (id Identity) MarshalText() ([]byte, error) { return []byte(id.URI().String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *Identity) UnmarshalText(uri []byte) error {
	u, err := ParseURI(string(uri))
	*id = Named(u)
	return err
}

// URI names tokens and keys (RFC 7512).
type URI = p11uri.URI

// ParseURI reads a PKCS#11 URI, which may say where the PIN is.
func ParseURI(s string) (URI, error) { return p11uri.Parse(s, p11uri.PINSource) }

// Named is what a URI says of its token.
func Named(u URI) Identity {
	return Identity{Label: text(u.Token), Manufacturer: text(u.Manufacturer), Model: text(u.Model), Serial: text(u.Serial)}
}

// Matches reports whether a URI may mean the token.
func (id Identity) Matches(u URI) bool {
	match := func(want, have string) bool { return want == "" || text(want) == have }
	return match(u.Token, id.Label) && match(u.Manufacturer, id.Manufacturer) && match(u.Model, id.Model) && match(u.Serial, id.Serial)
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
