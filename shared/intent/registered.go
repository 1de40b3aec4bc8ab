package intent

import (
	"strings"

	"countersign/shared/field"
	"countersign/shared/jwk"
	"countersign/shared/name"
)

// Registrant is who registered for a vault, and the keys that they made.
type Registrant struct {
	Member, Name string
	Keys         Keys
}

// Keys are those of a registration.
type Keys struct {
	Approval    jwk.Key `json:"approval"`
	Channel     jwk.Key `json:"channel"`
	ChannelIn   string  `json:"channel_in"`  // "token" or "software"
	Fingerprint string  `json:"fingerprint"` // SHA-256 of what the registrant signed, base64url
	// Proven is the thumbprint of the vault's channel key to which the holder of the channel key
	// proved that they hold it; empty: they did not.
	Proven string `json:"proven,omitempty"`
	Driver Driver `json:"driver,omitzero"` // what the token's driver says of the keys; zero: nothing
}

// Driver is what the driver of a token (its PKCS#11 module) says of keys. Nothing proves it.
type Driver struct {
	Token    string `json:"token"`    // what it calls the token
	Approval string `json:"approval"` // of the approval key: the words of [DriverSays] that it says, in their order
	Channel  string `json:"channel"`  // of the channel key
}

// What a driver may say of a key: it was made in the token, could never be read out, and never
// left it in any form.
const (
	MadeThere   = "LOCAL"
	NeverRead   = "ALWAYS_SENSITIVE"
	NeverLeft   = "NEVER_EXTRACTABLE"
	allOfDriver = MadeThere + " " + NeverRead + " " + NeverLeft
)

// DriverSays are the words for what is true of a key.
func DriverSays(local, alwaysSensitive, neverExtractable bool) string {
	var all []string
	for i, word := range []string{MadeThere, NeverRead, NeverLeft} {
		if []bool{local, alwaysSensitive, neverExtractable}[i] {
			all = append(all, word)
		}
	}
	return strings.Join(all, " ")
}

// Check checks what a driver says by its form, at a place in what is checked.
func (d Driver) Check(c *field.Checks, at string) {
	if d == (Driver{}) {
		return
	}
	c.Name(d.Token, at+".token")
	for _, of := range []struct{ key, says string }{{".approval", d.Approval}, {".channel", d.Channel}} {
		said := func(word string) bool { return strings.Contains(" "+of.says+" ", " "+word+" ") }
		c.That(of.says == DriverSays(said(MadeThere), said(NeverRead), said(NeverLeft)), at+of.key, "is not what a driver says of a key")
	}
}

// Line is what a driver says as a person reads it.
func (d Driver) Line() Line {
	says := func(words string) string {
		switch words {
		case allOfDriver:
			return "was made in it and never left it"
		case "":
			return "may have been made elsewhere"
		}
		return strings.NewReplacer(" ", " and ", MadeThere, "was made in it", NeverRead, "could never be read", NeverLeft, "could never leave it").Replace(words) + ", and no more"
	}
	said := "the approval key " + says(d.Approval) + ", and the channel key " + says(d.Channel)
	if d.Approval == allOfDriver && d.Channel == allOfDriver {
		said = "both keys were made in it and never left it"
	}
	return Line{Label: "Token", Value: name.Within(d.Token) + ". Its driver says that " + said + "; nothing proves it"}
}

// Registering is a change that gives a member the keys that they registered.
type Registering interface {
	Change
	// Registered is the registration, a JWS, and what the intent, which was filled, says of it.
	Registered() (registration string, says Registrant)
}
