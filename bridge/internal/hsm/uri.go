package hsm

import (
	"fmt"
	"net/url"
	"strings"

	"countersign/shared/fault"
)

// maxURI is the longest URI that [ParseURI] reads, in bytes. Each byte of the longest
// name of a key ([maxName]) takes three, and so do those of its token.
const maxURI = 3*maxName + 512

// noText is the text of an attribute of a token that is there and empty: it matches a
// token that has none.
const noText = " "

// URI names tokens and objects (RFC 7512). An attribute that is empty matches
// anything. Those of a token are compared as [text].
type URI struct {
	Token        string // CK_TOKEN_INFO.label
	Manufacturer string
	Model        string
	Serial       string
	Object       string // CKA_LABEL
	ID           string // CKA_ID, as bytes
	Type         string // public, private, cert, secret-key or data
	PINSource    string // pin-source: a file, "file:/etc/countersign/pin"; for programs without a person
}

// ParseURI reads a PKCS#11 URI. It refuses what would be silently ignored
// otherwise: attributes that it does not know, duplicates, and a PIN, which does
// not belong into a configuration file (RFC 7512 §4). Of the query attributes it
// knows pin-source, and of its forms the file.
func ParseURI(s string) (URI, error) {
	refuse := func(why string) (URI, error) {
		return URI{}, fault.New(fault.Invalid, "the PKCS#11 URI is not valid: "+why)
	}
	if len(s) > maxURI {
		return refuse(fmt.Sprintf("it is longer than %d bytes", maxURI))
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !strings.EqualFold(scheme, "pkcs11") {
		return refuse("it does not start with pkcs11:")
	}
	path, query, hasQuery := strings.Cut(rest, "?")
	var u URI
	if hasQuery && query != "" {
		source, ok := strings.CutPrefix(query, "pin-source=")
		source, err := url.PathUnescape(source)
		if !ok || err != nil || !strings.HasPrefix(source, "file:/") || strings.ContainsAny(source, "&?\x00") {
			return refuse("of the query attributes only pin-source=file:/PATH is supported: a PIN or a module does not belong here")
		}
		u.PINSource = source
	}
	seen := map[string]bool{}
	for _, attribute := range strings.Split(path, ";") {
		if path == "" {
			break
		}
		name, raw, ok := strings.Cut(attribute, "=")
		if !ok || seen[name] {
			return refuse(fmt.Sprintf("attribute %q is not name=value, or stands twice", clip(name)))
		}
		seen[name] = true
		value, err := unescape(raw)
		if err != nil {
			return refuse(fmt.Sprintf("the value of %q has a character or an escape that is not allowed; a space is %%20", clip(name)))
		}
		if value == "" && (name == "object" || name == "id") {
			return refuse(fmt.Sprintf("the value of %q is empty, which would mean every key: name one, or leave the attribute out", name))
		}
		switch name {
		case "token":
			u.Token = orNoText(value)
		case "manufacturer":
			u.Manufacturer = orNoText(value)
		case "model":
			u.Model = orNoText(value)
		case "serial":
			u.Serial = orNoText(value)
		case "object":
			u.Object = value
		case "id":
			u.ID = value
		case "type":
			if value != "public" && value != "private" && value != "cert" && value != "secret-key" && value != "data" {
				return refuse("the type is not one of public, private, cert, secret-key and data")
			}
			u.Type = value
		default:
			return refuse(fmt.Sprintf("attribute %q is not supported", clip(name)))
		}
	}
	return u, nil
}

// unescape undoes percent-encoding and refuses characters that must be encoded
// (RFC 7512 §2.3: pk11-path-res-avail, and RFC 3986 unreserved).
func unescape(s string) (string, error) {
	const available = "-._~:[]@!$'()*+,=&"
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '%' && strings.IndexByte(available, c) < 0 {
			return "", fmt.Errorf("character %q", c)
		}
	}
	return url.PathUnescape(s)
}

// String writes the URI in one form; [ParseURI] reads it back.
func (u URI) String() string {
	var parts []string
	for _, a := range [][2]string{{"token", u.Token}, {"manufacturer", u.Manufacturer}, {"model", u.Model}, {"serial", u.Serial}} {
		if a[1] != "" {
			parts = append(parts, a[0]+"="+escape(text(a[1])))
		}
	}
	for _, a := range [][2]string{{"object", u.Object}, {"id", u.ID}, {"type", u.Type}} {
		if a[1] != "" {
			parts = append(parts, a[0]+"="+escape(a[1]))
		}
	}
	s := "pkcs11:" + strings.Join(parts, ";")
	if u.PINSource != "" {
		s += "?pin-source=file:" + strings.ReplaceAll(escape(strings.TrimPrefix(u.PINSource, "file:")), "%2F", "/")
	}
	return s
}

func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// MatchesToken reports whether id is a token that the URI may mean.
func (u URI) MatchesToken(id Identity) bool {
	return match(u.Token, id.Label) && match(u.Manufacturer, id.Manufacturer) && match(u.Model, id.Model) && match(u.Serial, id.Serial)
}

// OfToken is the part of the URI that names the token.
func (u URI) OfToken() URI {
	return URI{Token: u.Token, Manufacturer: u.Manufacturer, Model: u.Model, Serial: u.Serial}
}

// Identity is what the URI says of its token.
func (u URI) Identity() Identity {
	return Identity{Label: text(u.Token), Manufacturer: text(u.Manufacturer), Model: text(u.Model), Serial: text(u.Serial)}
}

func match(want, have string) bool { return want == "" || text(want) == have }

func clip(s string) string {
	if len(s) > 32 {
		return s[:32] + "…"
	}
	return s
}
