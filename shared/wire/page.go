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

// InBothForms is the page for a client that asked with pageSize.
func (p Page[T]) InBothForms() any {
	return BothPage[T]{p.Items, p.NextCursor, p.NextCursor != "", p.NextCursor}
}

// BothPage is a [Page] that says what follows in two ways: its own, and that of the API
// that this one follows.
type BothPage[T any] struct {
	Items          []T    `json:"items"`
	NextCursor     string `json:"next_cursor,omitempty"`
	HasMore        bool   `json:"hasMore"`
	NextCursorAlso string `json:"nextCursor,omitempty"`
}
