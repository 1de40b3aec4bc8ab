package signedlog

import (
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

const entity = "ent_sandbox"

// signText signs any text as a note of the log.
func signText(t testing.TB, k key, text string) string {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, noteKey{t.Context(), Origin(entity, newKey(1).PublicKey()), newKey(1).PublicKey(), k})
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

func TestANoteThatIsNotTheSignersIsRefused(t *testing.T) {
	t.Parallel()
	k := newKey(1).PublicKey()
	tree := treeOf([]string{"a", "b", "c"})
	good, err := SignNote(t.Context(), newKey(1), entity, newKey(1).PublicKey(), tree)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := ReadNote(good, entity, k, k); err != nil || n.Root != tree.Root() || n.Size != 3 || n.Others != 0 {
		t.Fatalf("%+v, %v", n, err)
	}
	origin := Origin(entity, k)
	hash := base64.StdEncoding.EncodeToString(make([]byte, 32))
	cut := strings.LastIndex(good, "— ")
	for name, text := range map[string]string{
		"empty":                   "",
		"another entity's":        strings.ReplaceAll(good, entity, "ent_other"),
		"another size":            strings.Replace(good, "\n3\n", "\n4\n", 1),
		"another key's":           signText(t, newKey(2), origin+"\n3\n"+hash+"\n"),
		"another origin":          signText(t, newKey(1), "example.com/log\n3\n"+hash+"\n"),
		"no root":                 signText(t, newKey(1), origin+"\n3\n"),
		"a line more":             signText(t, newKey(1), origin+"\n3\n"+hash+"\nmore\n"),
		"no size":                 signText(t, newKey(1), origin+"\n0\n"+hash+"\n"),
		"a size with a zero":      signText(t, newKey(1), origin+"\n03\n"+hash+"\n"),
		"a short root":            signText(t, newKey(1), origin+"\n3\nAAAA\n"),
		"a root in another form":  signText(t, newKey(1), origin+"\n3\n"+strings.Replace(hash, "A=", "B=", 1)+"\n"),
		"unsigned":                good[:cut],
		"signed by others before": good[:cut] + "— witness.example AAAAAAAA\n" + good[cut:],
		"too long":                good + strings.Repeat("— witness.example AAAAAAAA\n", 400),
	} {
		if text == good {
			t.Fatal(name)
		}
		_, err := ReadNote(text, entity, k, k)
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["part"] != "note" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := ReadNote(good+"— witness.example AAAAAAAA\n", entity, k, k); err != nil || n.Others != 1 {
		t.Errorf("with a witness: %+v, %v", n, err)
	}
	if _, err := ReadNote(good, entity, k, jws.PublicKey{}); err == nil {
		t.Error("a note was read without a key")
	}
}

// TestASignatureOfANoteServesForNothingElse: the statement key signs entries too.
func TestANoteOfAnotherLogIsCalledThat(t *testing.T) {
	t.Parallel()
	_, err := readNote("countersign/ent_other/x\n3\nAAAA\n", "countersign/ent_sandbox/y")
	if err == nil || !strings.Contains(err.Error(), `another log, "countersign/ent_other/x", not "countersign/ent_sandbox/y"`) {
		t.Error(err)
	}
}

func TestASignatureOfANoteServesForNothingElse(t *testing.T) {
	t.Parallel()
	payload := []byte("text")
	sig, err := jws.SignDetached(t.Context(), newKey(1), statement.TypCheckpoint, payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := jws.VerifyDetached(payload, sig, statement.TypCheckpoint, newKey(1).PublicKey()); err != nil {
		t.Error(err)
	}
	if err := jws.VerifyDetached(payload, sig, statement.TypEntry, newKey(1).PublicKey()); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("as an entry: %v", err)
	}
}

// FuzzReadNote: what is read is the note that was signed, whoever adds signatures to it.
func FuzzReadNote(f *testing.F) {
	tree := treeOf([]string{"a", "b", "c"})
	good, err := SignNote(f.Context(), newKey(1), entity, newKey(1).PublicKey(), tree)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good + "— witness.example AAAAAAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ReadNote(text, entity, newKey(1).PublicKey(), newKey(1).PublicKey())
		if err == nil && (!strings.HasPrefix(text, good) || n.Root != tree.Root() || n.Size != 3) {
			t.Fatalf("%q is read as %+v", text, n)
		}
	})
}
