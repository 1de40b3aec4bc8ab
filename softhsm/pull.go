package softhsm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Pull takes a token away, as a hand takes a key out of its socket: SoftHSM
// itself cannot pretend to be unplugged. What a program has of it in memory fails
// from then on.
func (s Store) Pull(label string) error {
	folder, err := s.folder(label)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.pulled(label), 0o700); err != nil {
		return err
	}
	return os.Rename(folder, filepath.Join(s.pulled(label), filepath.Base(folder)))
}

// Insert puts a pulled token back. SoftHSM sees it after C_Finalize and
// C_Initialize only.
func (s Store) Insert(label string) error {
	entries, err := os.ReadDir(s.pulled(label))
	if err != nil || len(entries) != 1 {
		return fmt.Errorf("softhsm: token %q is not pulled: %w", label, err)
	}
	name := entries[0].Name()
	if err := os.Rename(filepath.Join(s.pulled(label), name), filepath.Join(s.tokens(), name)); err != nil {
		return err
	}
	return os.Remove(s.pulled(label))
}

// remove deletes a token, pulled or not.
func (s Store) remove(label string) error {
	if err := os.RemoveAll(s.pulled(label)); err != nil {
		return err
	}
	folder, err := s.folder(label)
	if err != nil {
		return nil // it was pulled
	}
	return os.RemoveAll(folder)
}

func (s Store) pulled(label string) string { return filepath.Join(s.Dir, "pulled", label) }

// folder finds a token's folder by the label in its token.object, where it is
// padded with blanks to the 32 bytes of CK_TOKEN_INFO.
func (s Store) folder(label string) (string, error) {
	objects, err := filepath.Glob(filepath.Join(s.tokens(), "*", "token.object"))
	if err != nil {
		return "", err
	}
	padded := []byte(label + strings.Repeat(" ", max(0, 32-len(label))))
	for _, object := range objects {
		body, err := os.ReadFile(object)
		if err != nil {
			return "", err
		}
		if bytes.Contains(body, padded) {
			return filepath.Dir(object), nil
		}
	}
	return "", fmt.Errorf("softhsm: no token %q in %s", label, s.Dir)
}
