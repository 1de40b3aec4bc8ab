package secret

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// hidden stands for what is not shown.
const hidden = "…"

// Host is an address as it may be shown: scheme and host, without user info, path,
// query and fragment, each of which may be a key (https://node.example/v3/KEY).
func Host(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return hidden
	}
	return scheme + "://" + authority(rest)
}

// Redact returns err with a text that may be shown: each address in it is reduced
// to [Host], and whatever else of the given addresses could be a secret is
// hidden, wherever a library or the other end repeats it. The chain of causes is
// kept for errors.Is and errors.As; a cause that is taken out of it has its own
// text. nil stays nil.
func Redact(err error, addresses ...string) error {
	if err == nil {
		return nil
	}
	return &redacted{err, addresses}
}

type redacted struct {
	cause     error
	addresses []string
}

func (r *redacted) Error() string { return Text(r.cause.Error(), r.addresses...) }
func (r *redacted) Unwrap() error { return r.cause }

// Text is [Redact] for a text.
func Text(text string, addresses ...string) string {
	for _, secret := range parts(addresses) {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return hosts(text)
}

// NewLog returns the handler of a program's log: lines of text in which every
// address is reduced to its host, and the secrets of the given ones are hidden.
func NewLog(w io.Writer, addresses ...string) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch v := a.Value.Resolve(); v.Kind() {
		case slog.KindString:
			a.Value = slog.StringValue(Text(v.String(), addresses...))
		case slog.KindAny:
			if text := fmt.Sprintf("%+v", v.Any()); a.Key != slog.LevelKey && a.Key != slog.SourceKey {
				a.Value = slog.StringValue(Text(text, addresses...))
			}
		}
		return a
	}})
}

// stops end an address in a text.
const stops = " \t\r\n\"<>"

// hosts reduces each address in a text.
func hosts(text string) string {
	var out strings.Builder
	for {
		at := strings.Index(text, "://")
		if at < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:at+3])
		text = text[at+3:]
		end := strings.IndexAny(text, stops)
		if end < 0 {
			end = len(text)
		}
		out.WriteString(authority(text[:end]))
		text = text[end:]
	}
}

// authority is the host of what follows "://", and a mark for what is left out.
func authority(rest string) string {
	host, after := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, after = rest[:i], rest[i:]
	}
	if strings.Contains(after, "@") { // user info with a slash in it, or a path with an @: nobody can tell
		return hidden
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	tail := strings.TrimRight(after, ":,.;!")
	switch {
	case tail == "" || tail == "/":
		return host + after
	default:
		return host + "/" + hidden + after[len(tail):]
	}
}

// Shorter ones are words such as "v3", and found everywhere.
const (
	leastSegment  = 6
	leastValue    = 4
	leastPassword = 3
)

// parts are all that could be a secret in addresses, the longest first.
func parts(addresses []string) (all []string) {
	add := func(least int, texts ...string) {
		for _, t := range texts {
			if len(t) >= least {
				all = append(all, t)
			}
		}
	}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			quoted := strconv.Quote(address)
			add(1, address, quoted[1:len(quoted)-1])
			continue
		}
		if u.User != nil {
			password, _ := u.User.Password()
			add(leastValue, u.User.Username(), url.QueryEscape(u.User.Username()), u.User.String())
			add(leastPassword, password, url.QueryEscape(password))
		}
		add(leastSegment, strings.FieldsFunc(u.Path, isSlash)...)
		add(leastSegment, strings.FieldsFunc(u.EscapedPath(), isSlash)...)
		add(leastValue, u.RawQuery, u.Fragment, u.Opaque)
		query, _ := url.ParseQuery(u.RawQuery) // what it could read is enough
		for _, values := range query {
			for _, v := range values {
				add(leastValue, v, url.QueryEscape(v), url.PathEscape(v))
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return slices.Compact(all)
}

func isSlash(r rune) bool { return r == '/' }
