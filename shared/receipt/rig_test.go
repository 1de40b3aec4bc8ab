package receipt

import (
	"slices"

	"countersign/shared/signedlog"
	"countersign/shared/vault/vaulttest"
)

// receiptOf is the receipt of a request, which rests on changes, from the log that it is in.
func receiptOf(l *vaulttest.Log, request string, changes ...string) File {
	f := File{V: 1, Type: "receipt", Request: request, Note: l.Note()}
	about := append([]int64{0}, l.About[request]...)
	for _, c := range changes {
		about = append(about, l.About[c]...)
	}
	slices.Sort(about)
	for _, seq := range about {
		f.Lines = append(f.Lines, lineOf(l, seq))
	}
	return f
}

func lineOf(l *vaulttest.Log, seq int64) Line {
	return Line{Seq: seq, JWS: l.Lines[seq], Path: signedlog.HashTexts(l.Included(seq))}
}
