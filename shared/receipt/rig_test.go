package receipt

import (
	"countersign/shared/vault/vaulttest"
)

// receiptOf is the receipt of a request, from the log that it is in.
func receiptOf(l *vaulttest.Log, request string) File {
	f := File{V: 1, Type: "receipt", Request: request, Note: l.Note()}
	for _, seq := range append([]int64{0}, l.About[request]...) {
		f.Lines = append(f.Lines, lineOf(l, seq))
	}
	return f
}

func lineOf(l *vaulttest.Log, seq int64) Line {
	return Line{Seq: seq, JWS: l.Lines[seq], Path: Path(l.Included(seq))}
}
