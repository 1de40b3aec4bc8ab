package signedlog

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// MaxNote is the longest note, in bytes, with the cosignatures of 16 witnesses.
const MaxNote = 8 << 10

// Note is what the signer says of its log in the form that witnesses of any log read: a
// checkpoint of C2SP (tlog-checkpoint), which is a signed note. The log has no entry of it.
type Note struct {
	Size   int64     // entries
	Root   tlog.Hash // of the tree over them
	Others int       // signatures of others, which are not verified here
}

// Origin is the first line of the notes of a log, and the name of their keys: the entity
// and the thumbprint of the root key, the statement key with which the log began.
func Origin(entity string, root jws.PublicKey) string {
	return "countersign/" + entity + "/" + root.Thumbprint()
}

// noteKey is a statement key as the signed notes of C2SP know one: of a type without a
// number, 0xff, which the purpose of its signatures names.
type noteKey struct {
	ctx    context.Context
	name   string
	key    jws.PublicKey
	signer jws.Signer // nil: it verifies
}

func (k noteKey) Name() string { return k.name }

func (k noteKey) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(k.name+"\n\xff"+statement.TypCheckpoint+"\n"), k.key.Compressed()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (k noteKey) Sign(text []byte) ([]byte, error) {
	return jws.SignDetached(k.ctx, k.signer, statement.TypCheckpoint, text)
}

func (k noteKey) Verify(text, sig []byte) bool {
	return jws.VerifyDetached(text, sig, statement.TypCheckpoint, k.key) == nil
}

// SignNote signs the tree of an entity's log, which began with a root key. Errors are those of
// the signer.
func SignNote(ctx context.Context, signer jws.Signer, entity string, root jws.PublicKey, t Tree) (string, error) {
	name, hash := Origin(entity, root), t.Root()
	text := name + "\n" + strconv.FormatInt(t.Size(), 10) + "\n" + base64.StdEncoding.EncodeToString(hash[:]) + "\n"
	signed, err := note.Sign(&note.Note{Text: text}, noteKey{ctx, name, signer.PublicKey(), signer})
	return string(signed), err
}

// ReadNote reads a note that key signed about the log of entity which began with a root key,
// its signature first; others may follow. key is that of the log at the size of the note
// ([NoteSize]). It fails with LOG_CORRUPT, details part=note.
func ReadNote(signed, entity string, root, key jws.PublicKey) (Note, error) {
	if key.IsZero() || root.IsZero() {
		return badNote(nil, "no key was given to verify it with")
	}
	if len(signed) > MaxNote {
		return badNote(nil, "it is too long")
	}
	k := noteKey{name: Origin(entity, root), key: key}
	n, err := note.Open([]byte(signed), note.VerifierList(k))
	if err != nil {
		return badNote(err, "it is not signed by the signer's statement key for this log")
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	if err != nil || !strings.HasPrefix(signed, n.Text+"\n— "+k.name+" "+base64.StdEncoding.EncodeToString(sig)+"\n") {
		return badNote(err, "its signature has another form than the signer's, or is not the first")
	}
	out, err := readNote(n.Text, k.name)
	out.Others = len(n.UnverifiedSigs)
	return out, err
}

// NoteSize is how many entries a note says that it is about, before anybody is known to have
// signed it. It fails as [ReadNote] does.
func NoteSize(signed, entity string, root jws.PublicKey) (int64, error) {
	n, err := Recall(signed, entity, root)
	return n.Size, err
}

// Recall reads what a note says, whoever signed it: the caller knows already, because it bears
// their own signature, or finds out later. It fails as [ReadNote] does.
func Recall(signed, entity string, root jws.PublicKey) (Note, error) {
	if len(signed) > MaxNote {
		return badNote(nil, "it is too long")
	}
	text, _, _ := strings.Cut(signed, "\n\n")
	return readNote(text+"\n", Origin(entity, root))
}

func badNote(cause error, why string) (Note, error) {
	return Note{}, fault.Wrap(cause, fault.LogCorrupt, "the note about the log was refused: "+why).With("part", "note")
}

// readNote reads the text of a note about the log of an origin.
func readNote(text, origin string) (out Note, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return badNote(nil, "it has other lines than origin, size and root")
	}
	if lines[0] != origin {
		return badNote(nil, fmt.Sprintf("it is about another log, %.160q, not %q", lines[0], origin))
	}
	if out.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || out.Size < 1 || strconv.FormatInt(out.Size, 10) != lines[1] {
		return badNote(err, "its size is not a number from 1")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err == nil && len(root) != tlog.HashSize {
		err = errors.New("it is not 32 bytes")
	}
	if err != nil {
		return badNote(err, "its root is not a hash")
	}
	out.Root = tlog.Hash(root)
	return out, nil
}
