package wire

import "encoding/base64"

// MaxRecord is the longest record of a channel, in bytes.
const MaxRecord = 64 << 10

// RecordInput is the body of POST /v1/channels and of POST
// /v1/channels/{id}/records: bytes that the gateway cannot read.
type RecordInput struct {
	Record string `json:"record"` // base64url without padding
}

// Validate checks encoding and size.
func (r RecordInput) Validate() error {
	if r.Record == "" || len(r.Record) > base64.RawURLEncoding.EncodedLen(MaxRecord) {
		return invalid("record", "must be 1 to 65536 bytes of base64url")
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(r.Record); err != nil {
		return invalid("record", "is not base64url without padding")
	}
	return nil
}

// Channel answers POST /v1/channels.
type Channel struct {
	Channel string `json:"channel"` // chn_…
	Record  string `json:"record"`
}

// Record answers POST /v1/channels/{id}/records.
type Record struct {
	Record string `json:"record"`
}
