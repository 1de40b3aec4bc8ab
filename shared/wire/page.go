package wire

// Limits of lists.
const (
	DefaultLimit = 25
	MaxLimit     = 100
)

// Page is part of a list, newest first. NextCursor is the id of the last item, and
// empty on the last page; as the cursor of the next question it gives what follows.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"`
}
