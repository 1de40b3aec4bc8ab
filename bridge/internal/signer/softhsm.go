package signer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// store is where SoftHSM keeps the vault's keys; it is empty for another module.
type store struct {
	configurations []string // files from which SoftHSM reads where; some may not be there yet
	folders        []string
}

// systemConfigurations are where builds of SoftHSM look for their configuration. Which of
// them a module looks at is part of the module; all that are there count.
var systemConfigurations = []string{"/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf",
	"/usr/local/etc/softhsm/softhsm2.conf", "/usr/local/etc/softhsm2.conf", "/opt/homebrew/etc/softhsm/softhsm2.conf"}

// storeOf finds the store of SoftHSM. It fails when the module is SoftHSM and its store
// is not found: who can reach the keys would not be known.
func storeOf(module, maker string) (s store, err error) {
	if !isSoftHSM(module, maker) {
		return s, nil
	}
	own, alone, err := ownConfiguration()
	if err != nil {
		return s, err
	}
	s.configurations = []string{own}
	found, err := s.read(own)
	switch {
	case err != nil || found:
		return s, err
	case alone:
		return s, fmt.Errorf("SOFTHSM2_CONF names %q, which is not there or cannot be read", own)
	}
	for _, path := range systemConfigurations {
		there, err := s.read(path)
		if err != nil {
			return s, err
		}
		if there {
			s.configurations, found = append(s.configurations, path), true
		}
	}
	if !found {
		return s, errors.New("its configuration is not found: set SOFTHSM2_CONF to the path of softhsm2.conf")
	}
	return s, nil
}

// isSoftHSM reports whether the vault token is in SoftHSM: the token says so, whatever
// the module is called and whichever other modules it is reached through; or the module's
// name does, of a link or of what it leads to.
func isSoftHSM(module, maker string) bool {
	names := []string{maker, filepath.Base(module)}
	if real, err := filepath.EvalSymlinks(module); err == nil {
		names = append(names, filepath.Base(real))
	}
	for _, name := range names {
		if strings.Contains(strings.ToLower(name), "softhsm") {
			return true
		}
	}
	return false
}

// maker is what the token of a vault says of its maker; empty for a vault that is in no
// token.
func maker(v Vault) string {
	if h, ok := v.(*hsmVault); ok {
		id := h.token.Identity()
		return id.Manufacturer + " " + id.Model
	}
	return ""
}

// ownConfiguration is where SoftHSM looks first: at the environment's path, and then
// nowhere else (alone), or at the user's.
func ownConfiguration() (path string, alone bool, err error) {
	if path, alone = os.LookupEnv("SOFTHSM2_CONF"); alone {
		return path, true, nil
	}
	home := os.Getenv("HOME")
	if home == "" {
		if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil { // else SoftHSM looks elsewhere, too
			home = u.HomeDir
		}
	}
	path = home + "/.config/softhsm2/softhsm2.conf"
	if len(path) >= maxOwnPath {
		return "", false, fmt.Errorf("the home directory %q is too long for SoftHSM: set SOFTHSM2_CONF to the path of softhsm2.conf", home)
	}
	return path, false, nil
}

const (
	maxOwnPath       = 256     // _POSIX_PATH_MAX, at which SoftHSM cuts the user's path off
	maxConfiguration = 1 << 20 // bytes
	confLine         = 1023    // bytes that SoftHSM reads as one line
)

// read adds the folder that a configuration names. found is false for one that is not
// there, or that this user cannot read: SoftHSM goes on then.
func (s *store) read(path string) (found bool, err error) {
	if path == "" || unix.Access(path, unix.R_OK) != nil {
		return false, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfiguration+1))
	switch {
	case err != nil:
		return false, err
	case len(data) > maxConfiguration:
		return false, fmt.Errorf("its configuration %s is larger than %d bytes", path, maxConfiguration)
	}
	folder := tokenFolder(data)
	if folder == "" {
		return false, fmt.Errorf("its configuration %s does not say where its tokens are: write directories.tokendir = FOLDER into it", path)
	}
	s.folders = append(s.folders, folder)
	return true, nil
}

// tokenFolder is the folder that a configuration of SoftHSM names, as SoftHSM reads it
// (SimpleConfigLoader.cpp): the last directories.tokendir counts, a value ends at the next
// "=" or at a comment, and what is longer than its buffer is another line.
func tokenFolder(data []byte) (folder string) {
	for len(data) > 0 {
		line := data[:min(len(data), confLine)]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		data = data[len(line):]
		if i := bytes.IndexAny(line, "#\n\r\x00"); i >= 0 {
			line = line[:i]
		}
		words := strings.FieldsFunc(string(line), func(r rune) bool { return r == '=' })
		if len(words) < 2 || trim(words[0]) != "directories.tokendir" {
			continue
		}
		if value := trim(words[1]); value != "" {
			folder = value
		}
	}
	return folder
}

// trim removes what isspace(3) calls a space.
func trim(s string) string { return strings.Trim(s, " \t\n\v\f\r") }
