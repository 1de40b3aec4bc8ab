// Package tokendir finds where SoftHSM keeps its tokens, reading its configuration as it
// does (SimpleConfigLoader.cpp, Configuration.cpp), and says which tokens are there. Used
// by the signer, which judges who could reach the vault's keys, and by the process that
// runs the module, which would otherwise not see a token that came.
package tokendir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Store is where SoftHSM keeps its tokens.
type Store struct {
	Configurations []string // files from which SoftHSM reads where; some may not be there yet
	Folders        []string
}

// SystemConfigurations are where builds of SoftHSM look for their configuration. Which of
// them a module looks at is part of the module; all that are there count.
var SystemConfigurations = []string{"/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf",
	"/usr/local/etc/softhsm/softhsm2.conf", "/usr/local/etc/softhsm2.conf", "/opt/homebrew/etc/softhsm/softhsm2.conf"}

// Find finds the store, with the environment of this process. It fails when there is none,
// or a configuration cannot be read.
func Find() (s Store, err error) {
	own, alone, err := ownConfiguration()
	if err != nil {
		return s, err
	}
	s.Configurations = []string{own}
	found, err := s.read(own)
	switch {
	case err != nil || found:
		return s, err
	case alone:
		return s, fmt.Errorf("SOFTHSM2_CONF names %q, which is not there or cannot be read", own)
	}
	for _, path := range SystemConfigurations {
		there, err := s.read(path)
		if err != nil {
			return s, err
		}
		if there {
			s.Configurations, found = append(s.Configurations, path), true
		}
	}
	if !found {
		return s, errors.New("its configuration is not found: set SOFTHSM2_CONF to the path of softhsm2.conf")
	}
	return s, nil
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
	MaxConfiguration = 1 << 20 // bytes
	// LineSize is how many bytes SoftHSM reads as one line.
	LineSize = 1023
)

// read adds the folder that a configuration names. found is false for one that is not
// there, or that this user cannot read: SoftHSM goes on then.
func (s *Store) read(path string) (found bool, err error) {
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
	data, err := io.ReadAll(io.LimitReader(f, MaxConfiguration+1))
	switch {
	case err != nil:
		return false, err
	case len(data) > MaxConfiguration:
		return false, fmt.Errorf("its configuration %s is larger than %d bytes", path, MaxConfiguration)
	}
	folder := Folder(data)
	if folder == "" {
		return false, fmt.Errorf("its configuration %s does not say where its tokens are: write directories.tokendir = FOLDER into it", path)
	}
	s.Folders = append(s.Folders, folder)
	return true, nil
}

// Folder is the folder that a configuration of SoftHSM names, as SoftHSM reads it
// (SimpleConfigLoader.cpp): the last directories.tokendir counts, a value ends at the next
// "=" or at a comment, and what is longer than its buffer is another line.
func Folder(data []byte) (folder string) {
	for len(data) > 0 {
		line := data[:min(len(data), LineSize)]
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

// Serials are the serial numbers of the tokens in the store: SoftHSM names the folder of
// a token by a UUID and takes its last 16 digits. whole is false when a folder cannot
// be read, or has something else in it.
func (s Store) Serials() (all []string, whole bool) {
	whole = len(s.Folders) > 0
	for _, folder := range s.Folders {
		entries, err := os.ReadDir(folder)
		whole = whole && err == nil
		for _, e := range entries {
			digits := strings.ReplaceAll(e.Name(), "-", "")
			if len(e.Name()) != 36 || len(digits) != 32 {
				whole = whole && !e.IsDir()
				continue
			}
			all = append(all, digits[16:])
		}
	}
	return all, whole
}
