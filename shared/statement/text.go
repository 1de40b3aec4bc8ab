package statement

// Text is what a person reads before the key is used; the page shows the same.
func Text(a Approval) string { return a.Intent.Provider }
