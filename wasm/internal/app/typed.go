package app

import (
	"strings"
	"unicode/utf8"
)

// ascii is what people write in a number in ASCII: digits of other scripts, a blank that
// groups, a mark that only groups ('), or one that only divides (;).
func ascii(r rune) rune {
	switch {
	case r >= '٠' && r <= '٩':
		return r - '٠' + '0'
	case r >= '۰' && r <= '۹':
		return r - '۰' + '0'
	case r >= '०' && r <= '९':
		return r - '०' + '0'
	}
	switch r {
	case '\u00a0', '\u202f', '\u2009':
		return ' '
	case '’', '٬':
		return '\''
	case '٫':
		return ';'
	case ';':
		return utf8.RuneError
	}
	return r
}

// readings are the numbers that a person may mean by what they typed or pasted, as plain
// decimals: none when it is not a number or its groups are malformed, and two for one such
// as 1.000, which is a thousand to some and one to others, whatever language their
// browser speaks; the larger is first.
func readings(s string) (all []string) {
	if len(s) > 64 {
		return nil
	}
	s = strings.Map(ascii, strings.TrimSpace(s))
	if s == "" || strings.Trim(s, "0123456789 '.,;") != "" {
		return nil
	}
	i := strings.LastIndexAny(s, " '.,;")
	if i < 0 {
		return []string{trimmed(s, "")}
	}
	if whole, ok := ungroup(s); ok && s[i] != ';' {
		all = append(all, trimmed(whole, ""))
	}
	if s[i] == ' ' || s[i] == '\'' || strings.IndexByte(s[:i], s[i]) >= 0 {
		return all
	}
	if whole, ok := ungroup(s[:i]); ok {
		all = append(all, trimmed(whole, s[i+1:]))
	}
	return all
}

// ungroup removes one kind of mark between groups of digits, the last of three, those
// before it all of three or, between commas, all of two.
func ungroup(s string) (string, bool) {
	i := strings.IndexAny(s, " '.,;")
	if i < 0 {
		return s, true
	}
	parts := strings.Split(s, s[i:i+1])
	first, last := parts[0], parts[len(parts)-1]
	whole := strings.Join(parts, "")
	if first == "" || first[0] == '0' || len(first) > 3 || len(last) != 3 || strings.ContainsAny(whole, " '.,;") {
		return "", false
	}
	for _, p := range parts[1 : len(parts)-1] {
		if n := len(p); n != 3 && (n != 2 || s[i] != ',') || n != len(parts[1]) || len(first) > n {
			return "", false
		}
	}
	return whole, true
}

// trimmed is a plain decimal without zeros that say nothing.
func trimmed(whole, frac string) string {
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if frac = strings.TrimRight(frac, "0"); frac != "" {
		whole += "." + frac
	}
	return whole
}

// maxTyped is the most characters that an amount has as a plain decimal.
const maxTyped = 40

// plainAmount is an amount as people type it as a plain decimal; false for what is no amount,
// or could be read in two ways.
func plainAmount(s string) (string, bool) {
	all := readings(s)
	if len(all) != 1 {
		return "", false
	}
	return all[0], all[0] != "0" && len(all[0]) <= maxTyped
}
