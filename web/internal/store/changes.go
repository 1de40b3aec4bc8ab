package store

// Change says that what clients see of an entity changed.
type Change struct {
	Pos  int64  // grows with each change of any entity
	What string // wire.ChangedRequest and its like
	ID   string
}

// Changes are the latest of all entities: here each process that uses the database
// sees what the others did. Putting a genesis, a request, an order, a deposit or a
// booking adds one.
type Changes interface {
	// Changes are those of an entity after a position, the oldest first, at most limit.
	Changes(entity string, after int64, limit int) ([]Change, error)
	LastChange() (int64, error) // the position of the latest; 0 before the first
	// TrimChanges keeps the latest rows.
	TrimChanges(rows int64) error
}
