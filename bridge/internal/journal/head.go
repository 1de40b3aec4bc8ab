package journal

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign/bridge/internal/fold"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/strictjson"
)

// TypHead is the purpose of a signed head: the typ of its JWS.
const TypHead = "countersign-journal-head+jws"

// maxHead is the longest payload of a signed head, in bytes, and maxName the
// longest name of a bridge.
const (
	maxHead = 1024
	maxName = 64
)

// SignedHead is what a token's key signs of a journal: how long it was, and how
// it ended. Kept elsewhere, it shows that a journal was rewritten or cut off.
type SignedHead struct {
	V        int    `json:"v"`      // 1
	Type     string `json:"type"`   // "journal-head"
	Bridge   string `json:"bridge"` // what the computer is called, for people
	Size     uint64 `json:"size"`   // number of entries, at least 1
	Hash     string `json:"hash"`   // of the last of them, hex
	IssuedAt int64  `json:"iat"`    // Unix seconds
}

// SignHead signs where a journal ends now with a key in a token. Append a
// [HeadSigned] event first: a key is used. The head then covers that line.
func SignHead(ctx context.Context, key jws.Signer, bridge string, head Head, now time.Time) (string, error) {
	payload, err := strictjson.Canonical(SignedHead{V: 1, Type: "journal-head", Bridge: bridgeName(bridge),
		Size: head.Size, Hash: head.Hash, IssuedAt: now.Unix()})
	if err != nil {
		return "", err
	}
	if _, err := readHead(payload); err != nil {
		return "", err
	}
	return jws.Sign(ctx, key, TypHead, payload)
}

// bridgeName makes a name of what a computer is called.
func bridgeName(s string) string {
	s = strings.Map(func(r rune) rune {
		if !name.Visible(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	if s = strings.TrimSpace(s); s == "" {
		return "bridge"
	}
	return s
}

// OpenHead verifies a signed head with the member's approval key. It fails with
// SIGNATURE_INVALID, and with STATEMENT_INVALID, details field.
func OpenHead(token string, key jws.PublicKey) (SignedHead, error) {
	payload, err := jws.Verify(strings.TrimSpace(token), TypHead, key)
	if err != nil {
		return SignedHead{}, err
	}
	return readHead(payload)
}

func readHead(payload []byte) (SignedHead, error) {
	refuse := func(field string) (SignedHead, error) {
		return SignedHead{}, fault.New(fault.StatementInvalid, "the signed head was refused: "+field+" is not valid").With("field", field)
	}
	var h SignedHead
	if err := strictjson.UnmarshalCanonical(payload, &h, maxHead); err != nil {
		return SignedHead{}, fault.Wrap(err, fault.StatementInvalid, "the signed head was refused: it is not in canonical form")
	}
	sum, err := hex.DecodeString(h.Hash)
	switch {
	case h.V != 1:
		return refuse("v")
	case h.Type != "journal-head":
		return refuse("type")
	case h.Bridge != bridgeName(h.Bridge):
		return refuse("bridge")
	case h.Size == 0:
		return refuse("size")
	case err != nil || len(sum) != 32 || h.Hash != strings.ToLower(h.Hash):
		return refuse("hash")
	case h.IssuedAt < 0:
		return refuse("iat")
	}
	return h, nil
}

// Contains verifies a journal and that it still holds a head that was signed
// earlier. It fails with LOG_CORRUPT, naming the entry, when the chain is broken,
// is shorter, or had another entry in that place.
func Contains(r io.Reader, signed SignedHead) (Head, error) {
	found := ""
	head, err := Verify(r, func(e Entry) error {
		if e.Seq == signed.Size-1 {
			found = e.Hash
		}
		return nil
	})
	at := signed.Size - 1
	switch {
	case err != nil:
		return head, err
	case head.Size < signed.Size:
		return head, corrupt(head.Size, fmt.Sprintf("the journal had %s when its head was signed and now has %d", fold.Count(signed.Size, "entry", "entries"), head.Size))
	case found != signed.Hash:
		return head, corrupt(at, "it is not the one whose head was signed: the journal was rewritten")
	}
	return head, nil
}
