package wire

import "strings"

// Limits of lists.
const (
	DefaultLimit = 25
	MaxLimit     = 100
	maxCursor    = 64
)

// Page is part of a list, newest first. NextCursor is empty on the last one; as
// the cursor of the next question it gives what follows.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// CheckCursor checks the form of a cursor.
func CheckCursor(s string) error {
	if len(s) > maxCursor || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return invalid("cursor", "is not one that the gateway gave")
	}
	return nil
}
