package wire

import (
	"strconv"
	"time"

	"countersign/shared/statement"
)

// Limits of GET /v1/log: entries in an answer, and bytes of their lines, which
// one entry alone may exceed.
const (
	MaxLogEntries = 500
	DefaultLog    = 100
	MaxLogBytes   = 1 << 20
)

// LogPage answers GET /v1/log: the entries of the signer's log that follow one,
// oldest first, as the signer signed them. Whoever has the signer's statement key
// verifies them as shared/spec/signedlog.md says.
type LogPage struct {
	Entries []LogEntry    `json:"entries"`
	Log     statement.Log `json:"log"` // how far the gateway has read: what is asked next ends there
}

// LogEntry is one line of the log.
type LogEntry struct {
	Seq  int64      `json:"seq"`
	JWS  string     `json:"jws"`            // typ countersign-entry+jws; the payload is a signedlog.Entry
	Said *SaidEntry `json:"said,omitempty"` // when words are asked for
}

// SaidEntry is what the gateway says of an entry. Nobody signed it.
type SaidEntry struct {
	At      time.Time `json:"at"`
	Type    string    `json:"type"`              // as signedlog has them
	Request string    `json:"request,omitempty"` // that it is about
	Text    string    `json:"text"`              // what it is, for people
}

// LogCheckpoint answers GET /v1/log/checkpoint: what the signer signed about its log.
type LogCheckpoint struct {
	Note  string   `json:"note"`  // as shared/signedlog reads it
	Proof []string `json:"proof"` // that it has all of the first since entries (RFC 6962 §2.1.2), base64url; empty without since
}

// LogSince reads the parameter since of GET /v1/log/checkpoint: how many entries an
// earlier note was about; 0 when absent.
func LogSince(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != s {
		return 0, invalid("since", "must be a number of entries, from 1")
	}
	return n, nil
}

// LogWords reads the parameter words of GET /v1/log: whether the entries are to be said in
// words.
func LogWords(s string) (bool, error) {
	switch s {
	case "":
		return false, nil
	case "true":
		return true, nil
	}
	return false, invalid("words", "must be true, or absent")
}

// LogAfter reads the parameter after of GET /v1/log: the number of an entry, or
// -1 (when absent) for the genesis on.
func LogAfter(s string) (int64, error) {
	if s == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < -1 || strconv.FormatInt(n, 10) != s {
		return 0, invalid("after", "must be the number of an entry, or -1 for all")
	}
	return n, nil
}
