// Package shell writes what a person pastes into a shell.
package shell

import "strings"

// Word is s as one word of a command for a POSIX shell: as it is where it is plain,
// else in quotes. What stands before an equals sign stays outside of them, so that
// NAME=value still sets a variable.
func Word(s string) string {
	before, value, found := strings.Cut(s, "=")
	if before == "" || !found || !plain(before) {
		before, value = "", s
	} else {
		before += "="
	}
	if plain(value) && s != "" {
		return s
	}
	return before + "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// Words are those of a command, as a person pastes them.
func Words(all ...string) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = Word(s)
	}
	return strings.Join(words, " ")
}

// plain reports whether no letter of s means anything to a shell.
func plain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		default:
			return !strings.ContainsRune("_-+./:,@%", r)
		}
	}) < 0
}
