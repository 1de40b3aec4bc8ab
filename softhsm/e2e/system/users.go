package system

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// gatewayUser is the user, and the group, of gateway and sandbox in a system that
// root starts: a number that no account has.
const gatewayUser = 64_001

// divide decides whether signers and gateway run as two users, so that the gateway
// cannot read the vault's PIN, and opens the folders on the way to what the gateway
// needs. OneUser says why they do not.
func (s *State) divide(bin string) error {
	if s.OneUser = ""; os.Geteuid() != 0 {
		s.OneUser = "only root can start them as two"
		return nil
	}
	if err := os.Chmod(s.Dir, 0o711); err != nil {
		return err
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	for _, path := range []string{s.Dir, bin} {
		closed, err := open(path)
		if err != nil {
			return err
		}
		if closed != "" {
			s.OneUser = closed + " is closed to other users"
			return nil
		}
	}
	return nil
}

// open lets every user enter the folders on the way to path, where they are
// temporary; closed is one that is not, and that others cannot enter.
func open(path string) (closed string, err error) {
	temporary := filepath.Clean(os.TempDir()) + string(filepath.Separator)
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return "", fmt.Errorf("look at a folder of the system: %w", err)
		}
		if mode := info.Mode().Perm(); mode&0o001 == 0 {
			if !strings.HasPrefix(dir, temporary) {
				return dir, nil
			}
			if err := os.Chmod(dir, mode|0o011); err != nil {
				return "", err
			}
		}
		if dir == filepath.Dir(dir) {
			return "", nil
		}
	}
}

// user is whom gateway and sandbox run as; 0 for the user of this process.
func (s *State) user() uint32 {
	if s.OneUser != "" {
		return 0
	}
	return gatewayUser
}

// handOver gives the gateway's user what is the gateway's, and nothing else: what an
// earlier start as one user made, too.
func (s *State) handOver() error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"gateway", "sandbox", "config/gateway.json", "config/sandbox.json", "secrets/developer.key", "secrets/provider.key", "secrets/notices.key"} {
		if err := s.give(s.path(name)); err != nil {
			return fmt.Errorf("give %s to the gateway's user: %w", name, err)
		}
	}
	found := map[string]fs.FileMode{s.path("config"): 0o711, s.path("secrets"): 0o711}
	for _, v := range Vaults {
		found[s.identities(v)], found[s.signerFile(v)] = 0o711, 0o644
	}
	for path, mode := range found {
		if err := os.Chmod(path, mode); err != nil {
			return fmt.Errorf("let the gateway's user find its files: %w", err)
		}
	}
	return nil
}

// give makes the gateway's user the owner of what is at path.
func (s *State) give(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	owner := int(s.user())
	return filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, owner, owner)
	})
}

// link is what the signer's configuration says of who is served.
func (s *State) link() map[string]any {
	if s.OneUser != "" {
		return map[string]any{"allow_same_user": true}
	}
	user := strconv.Itoa(gatewayUser)
	return map[string]any{"socket_group": user, "peers": []string{user}}
}
