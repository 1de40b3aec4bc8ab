package intent

import "countersign/shared/jwk"

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
}

// Registering is a change that gives a member the keys that they registered.
type Registering interface {
	Change
	// Registered is the registration, a JWS, and what the intent, which was filled, says of it.
	Registered() (registration string, says Registrant)
}
