// Package p11uri reads and writes the URIs of tokens and keys (RFC 7512), in the one form
// that Countersign uses: strict, so that nothing is silently ignored. The bridge
// (bridge/internal/hsm) and the gateway (web/internal/token) name their keys with them.
package p11uri

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"countersign/shared/fault"
)

// MaxName is how long the label and the id of a key may be together, in bytes, for its
// URI to be read.
const MaxName = 4 << 10

// Max is the longest URI that [Parse] reads, in bytes. Each byte of the longest name of
// a key takes three, and so do those of its token.
const Max = 3*MaxName + 512

// blank is the text of an attribute of a token that is there and empty: it matches a
// token that has none.
const blank = " "

// The query attributes that a caller of [Parse] may take.
const (
	PINSource  = "pin-source"  // where a program without a person has its PIN: a file
	ModulePath = "module-path" // the PKCS#11 module
)

// URI names tokens and objects. An attribute that is empty matches anything. Those of a
// token are compared as [Text].
type URI struct {
	Token        string // CK_TOKEN_INFO.label
	Manufacturer string
	Model        string
	Serial       string
	Object       string // CKA_LABEL
	ID           string // CKA_ID, as bytes
	Type         string // public, private, cert, secret-key or data
	PINSource    string // "file:/etc/countersign/pin"
	ModulePath   string // "/usr/lib/softhsm/libsofthsm2.so"
}

// Text is an attribute of a token without its padding: blanks in the specification,
// and NUL in some modules. It has one form in tokens and in URIs.
func Text(s string) string { return strings.TrimRight(s, " \x00") }

// OrBlank is the text of an attribute that is there, also when it is empty.
func OrBlank(s string) string {
	if s = Text(s); s == "" {
		return blank
	}
	return s
}

// Parse reads a PKCS#11 URI. It fails with INVALID_REQUEST for what would be silently
// ignored otherwise: attributes that it does not know, duplicates, query attributes that
// are not among those named, and a PIN, which does not belong into a configuration file
// (RFC 7512 §4). Of the forms of pin-source it knows the file.
func Parse(s string, queries ...string) (URI, error) {
	refuse := func(why string) (URI, error) {
		return URI{}, fault.New(fault.Invalid, "the PKCS#11 URI is not valid: "+why)
	}
	if len(s) > Max {
		return refuse(fmt.Sprintf("it is longer than %d bytes", Max))
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !strings.EqualFold(scheme, "pkcs11") {
		return refuse("it does not start with pkcs11:")
	}
	path, query, hasQuery := strings.Cut(rest, "?")
	var u URI
	if hasQuery && query != "" {
		name, raw, _ := strings.Cut(query, "=")
		value, err := url.PathUnescape(raw)
		ok := err == nil && value != "" && slices.Contains(queries, name) && !strings.ContainsAny(value, "&?\x00")
		switch {
		case ok && name == PINSource && strings.HasPrefix(value, "file:/"):
			u.PINSource = value
		case ok && name == ModulePath:
			u.ModulePath = value
		default:
			return refuse(only(queries))
		}
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
			u.Token = OrBlank(value)
		case "manufacturer":
			u.Manufacturer = OrBlank(value)
		case "model":
			u.Model = OrBlank(value)
		case "serial":
			u.Serial = OrBlank(value)
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

// String writes the URI in one form; [Parse] reads it back.
func (u URI) String() string {
	var parts []string
	for _, a := range [][2]string{{"token", u.Token}, {"manufacturer", u.Manufacturer}, {"model", u.Model}, {"serial", u.Serial}} {
		if a[1] != "" {
			parts = append(parts, a[0]+"="+escape(Text(a[1])))
		}
	}
	for _, a := range [][2]string{{"object", u.Object}, {"id", u.ID}, {"type", u.Type}} {
		if a[1] != "" {
			parts = append(parts, a[0]+"="+escape(a[1]))
		}
	}
	s := "pkcs11:" + strings.Join(parts, ";")
	switch path := func(s string) string { return strings.ReplaceAll(escape(s), "%2F", "/") }; {
	case u.PINSource != "":
		s += "?pin-source=file:" + path(strings.TrimPrefix(u.PINSource, "file:"))
	case u.ModulePath != "":
		s += "?module-path=" + path(u.ModulePath)
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

// OfToken is the part of the URI that names the token.
func (u URI) OfToken() URI {
	return URI{Token: u.Token, Manufacturer: u.Manufacturer, Model: u.Model, Serial: u.Serial}
}

// only says which query attributes are taken.
func only(queries []string) string {
	if len(queries) == 0 {
		return "no query attribute is supported here: a PIN or a module does not belong here"
	}
	forms := map[string]string{PINSource: "pin-source=file:/PATH", ModulePath: "module-path=/PATH"}
	return "of the query attributes only " + forms[queries[0]] + " is supported, once: a PIN does not belong here"
}

func clip(s string) string {
	if len(s) > 32 {
		return s[:32] + "…"
	}
	return s
}
