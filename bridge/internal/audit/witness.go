package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/bridge/internal/flock"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/signedlog"
)

// The files of a witness, in its folder.
const (
	keyFile  = "witness.key" // its name, and the seed of its key
	noteFile = "note"        // the newest note that it cosigned
)

// cosigner signs notes as a witness of C2SP (tlog-cosignature, cosignature/v1): the note's
// text with a time before it, by Ed25519.
type cosigner struct {
	name string
	key  ed25519.PrivateKey
	at   time.Time
}

// cosignature is the type of the signatures of a [cosigner] in C2SP.
const cosignature = 4

func (c cosigner) public() ed25519.PublicKey { return c.key.Public().(ed25519.PublicKey) }

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(c.name+"\n\x04"), c.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

// verifier is its public key as C2SP writes one (vkey).
func (c cosigner) verifier() string {
	return fmt.Sprintf("%s+%08x+%s", c.name, c.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{cosignature}, c.public()...)))
}

func message(at uint64, text []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
}

// Sign implements [note.Signer].
func (c cosigner) Sign(text []byte) ([]byte, error) {
	at := uint64(c.at.Unix())
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(c.key, message(at, text))...), nil
}

// Verify implements [note.Verifier].
func (c cosigner) Verify(text, sig []byte) bool {
	return len(sig) == 8+ed25519.SignatureSize && ed25519.Verify(c.public(), message(binary.BigEndian.Uint64(sig), text), sig[8:])
}

// Witness asks for the signer's newest note once, checks that its log has all entries of
// the note that was kept in dir, cosigns it, keeps it there, and writes it to out. The
// first time it makes a key, which is called name, and believes the note. It fails with
// LOG_CORRUPT, details part=note, when the log was rewound or is another one: then it
// signs nothing, and keeps what it had.
func Witness(ctx context.Context, cfg Config, dir, name string, now func() time.Time, out, told io.Writer) (err error) {
	a, err := open(cfg)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the witness: %w", err)
	}
	lock, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the folder of the witness: %w", err)
	}
	defer func() { err = errors.Join(err, flock.Release(lock)) }()
	if err := flock.Exclusive(lock); err != nil { // an older note must not take the place of a newer one
		return fault.Wrap(err, fault.Busy, "another run of this witness is at work: nothing was signed")
	}
	c, err := openCosigner(dir, name, told)
	if err != nil {
		return err
	}
	c.at = now()
	before, err := a.kept(dir, c)
	if err != nil {
		return err
	}
	var n signedlog.Note
	answer, err := a.asked(ctx, before.Size)
	if err == nil {
		n, err = signedlog.ReadNote(answer.Note, a.vault.Entity, a.vault.Root, a.vault.Statement)
	}
	if fault.CodeOf(err) == fault.Conflict {
		err = rewound(err, fmt.Sprintf("it has fewer entries than the %d that were seen", before.Size))
	}
	if err != nil {
		return err
	}
	if err := follows(before, n, answer.Proof); err != nil {
		return err
	}
	text, _, _ := strings.Cut(answer.Note, "\n\n") // which was read
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, c)
	if err != nil {
		return fmt.Errorf("cosign the note: %w", err)
	}
	_, own, _ := strings.Cut(string(signed), "\n\n")
	cosigned := answer.Note + own
	if err := statefile.Write(filepath.Join(dir, noteFile), []byte(cosigned)); err != nil {
		return fmt.Errorf("keep the note: %w", err)
	}
	if before.Size == 0 {
		fmt.Fprintf(told, "This is the first note that this witness sees: %s.\n", fold.Count(int(n.Size), "entry", "entries"))
	} else {
		fmt.Fprintf(told, "The log of %s follows the one of %s.\n", fold.Count(int(n.Size), "entry", "entries"), fold.Count(int(before.Size), "entry", "entries"))
	}
	_, err = io.WriteString(out, cosigned)
	return err
}

func rewound(cause error, why string) error {
	return fault.Wrap(cause, fault.LogCorrupt, "the log was rewound, or is another one than was seen before: "+why+". Nothing was signed.").With("part", "note")
}

// forked refuses a note about as many entries as one before, and other ones: the signer's key
// signed two logs.
func forked(n signedlog.Note) error {
	return fault.New(fault.LogCorrupt, fmt.Sprintf("the log is forked: the signer signed two notes about %s with different roots. Nothing was signed. Keep both notes: they prove it",
		fold.Count(int(n.Size), "entry", "entries"))).With("part", "note").With("reason", "fork")
}

// follows checks that the log of a note has all entries of an earlier one.
func follows(before, n signedlog.Note, path []string) error {
	if before.Size == 0 {
		return nil
	}
	if n.Size < before.Size {
		return rewound(nil, fmt.Sprintf("it has %d entries, and %d were seen", n.Size, before.Size))
	}
	if n.Size == before.Size && n.Root != before.Root {
		return forked(n)
	}
	proof, err := signedlog.ReadHashes(path)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the gateway's proof has another form")
	}
	if err := tlog.CheckTree(proof, n.Size, n.Root, before.Size, before.Root); err != nil {
		return rewound(err, "its tree does not have the entries that were seen")
	}
	return nil
}

// kept is the note that was cosigned last; the zero note before the first.
func (a *auditor) kept(dir string, c cosigner) (signedlog.Note, error) {
	path := filepath.Join(dir, noteFile)
	data, err := statefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return signedlog.Note{}, nil
	}
	if err != nil {
		return signedlog.Note{}, fmt.Errorf("read the note that was kept: %w", err)
	}
	if _, err := note.Open(data, note.VerifierList(c)); err != nil {
		return signedlog.Note{}, fault.Wrap(err, fault.LogCorrupt, path+" was changed: this witness did not sign it").With("part", "note")
	}
	return signedlog.Recall(string(data), a.vault.Entity, a.vault.Root)
}

// openCosigner reads the key of a witness, or makes one.
func openCosigner(dir, name string, told io.Writer) (cosigner, error) {
	path := filepath.Join(dir, keyFile)
	data, err := statefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newCosigner(path, name, told)
	}
	if err != nil {
		return cosigner{}, fmt.Errorf("read the key of the witness: %w", err)
	}
	is, seed, _ := strings.Cut(strings.TrimSuffix(string(data), "\n"), "+")
	b, err := base64.StdEncoding.Strict().DecodeString(seed)
	if err != nil || len(b) != ed25519.SeedSize || !named(is) {
		return cosigner{}, fault.New(fault.Invalid, path+" is not the key of a witness")
	}
	if name != "" && name != is {
		return cosigner{}, fault.New(fault.Invalid, fmt.Sprintf("the witness in %s is called %s", dir, is)).With("field", "name")
	}
	return cosigner{name: is, key: ed25519.NewKeyFromSeed(b)}, nil
}

// named reports whether a witness may have a name, by the rule of C2SP for keys.
func named(name string) bool {
	return name != "" && !strings.ContainsAny(name, "+ \t\r\n") && len(name) <= 200
}

func newCosigner(path, name string, told io.Writer) (cosigner, error) {
	if !named(name) {
		return cosigner{}, fault.New(fault.Invalid, "a new witness needs a name without spaces and +, such as witness.example.com").With("field", "name")
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return cosigner{}, fmt.Errorf("make the key of the witness: %w", err)
	}
	if err := statefile.Write(path, []byte(name+"+"+base64.StdEncoding.EncodeToString(key.Seed())+"\n")); err != nil {
		return cosigner{}, fmt.Errorf("keep the key of the witness: %w", err)
	}
	c := cosigner{name: name, key: key}
	_, err = fmt.Fprintf(told, "A key was made for this witness. Its public half:\n%s\n", c.verifier())
	return c, err
}
