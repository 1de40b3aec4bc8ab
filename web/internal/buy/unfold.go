package buy

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

var errUnread = errors.New("the address holds structure that cannot be read")

// item is a value with the name that it has, if any: a text, or the items in a
// bracket or an element.
type item struct {
	name, text string
	inner      []item
	group      bool
}

// json writes an item's value, with names that stand twice as often as they stand.
func (i item) json(b *strings.Builder) {
	if !i.group {
		text, _ := json.Marshal(i.text)
		b.Write(text)
		return
	}
	names := false
	for _, x := range i.inner {
		names = names || x.name != ""
	}
	ends := "[]"
	if names || len(i.inner) == 0 {
		ends = "{}"
	}
	b.WriteByte(ends[0])
	for at, x := range i.inner {
		if at > 0 {
			b.WriteByte(',')
		}
		if names {
			item{text: x.name}.json(b)
			b.WriteByte(':')
		}
		x.json(b)
	}
	b.WriteByte(ends[1])
}

// unfold writes as JSON what a text says in another notation that names values:
// JSON5, a call or an assignment around it, lists such as a:1,b:2, YAML, TOML and
// XML. Names in no bracket count when they are those of parts of a purchase. found is
// false when the text names nothing.
func unfold(text string) (asJSON string, found bool, err error) {
	var all []item
	if strings.HasPrefix(text, "<") && (strings.Contains(text, "</") || strings.Contains(text, "/>")) {
		all, err = markup(text)
	} else {
		n := notation{rest: comments.ReplaceAllString(plain(text), " ")}
		all, err = n.items(0, false), n.err
		for len(all) > 0 && n.rest != "" && err == nil { // behind a bracket that closes nothing
			all, err = append(all, n.items(0, false)...), n.err
		}
	}
	if err != nil || !names(all) {
		return "", false, err
	}
	var b strings.Builder
	item{inner: all, group: true}.json(&b)
	return b.String(), true, nil
}

// plain writes out the characters that are escaped as in JSON, \u0061, and spaces and
// signs of other scripts as those of ASCII.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～': // full width
			return r - '！' + '!'
		case r > unicode.MaxASCII && unicode.IsSpace(r):
			return ' '
		}
		return r
	}, text)
	return escapes.ReplaceAllStringFunc(text, func(escape string) string {
		n, err := strconv.ParseUint(strings.Trim(escape[2:], "{}"), 16, 32)
		if err != nil || !unicode.IsLetter(rune(n)) && !unicode.IsDigit(rune(n)) {
			return escape
		}
		return string(rune(n))
	})
}

func names(all []item) bool {
	for _, i := range all {
		if i.name != "" || names(i.inner) {
			return true
		}
	}
	return false
}

var (
	escapes  = regexp.MustCompile(`\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}`)
	comments = regexp.MustCompile(`(?s)/\*.*?\*/`)
	// A name and the sign behind it that gives it a value; no scheme of a URL.
	assigned = regexp.MustCompile(`^\s*:?["']?([\pL_$][\pL\pN_$.\-\[\]]{0,63}?)["']?\s*(?:=>|->|:=|=|~|:)`)
	idLike   = regexp.MustCompile(`[A-Za-z]+\d+[A-Za-z\d]{10,}`)          // acct_1IQ71TCWhSFK2vlN
	keyword  = regexp.MustCompile(`^\s*:([\pL_$][\pL\pN_$.\-]{0,63})\s+`) // {:amount 999}
	called   = regexp.MustCompile(`^\s*([\pL_$][\pL\pN_$.\-]{0,63})\s*[({\[]`)
	word     = regexp.MustCompile(`[\pL_$][\pL\pN_$]*`)
	// A name and what stands next to it, and the sign that is between them.
	neighbours = regexp.MustCompile(`^([\pL_$][\pL\pN_$]{0,63})(?:["']?\s*([,;|/\\!+*^@#:=<>]+-?)\s*|[^\pL\pN\s_$]*\s+(?:(?:is|equals|of|\.)\s+)?)(?:[a-zA-Z]:(?:\d+:)?)?["']?([^\s,;|/\\&"'(){}\[\]<>]+)`)
	figures    = regexp.MustCompile(`^\p{Sc}?\d`)
	pairOf     = regexp.MustCompile(`^([\pL_$][\pL\pN_$.\-]{0,63})\s+(\S+)$`)
)

// ahead is as much of a text as the longest name and its value take.
func ahead(text string) string { return text[:min(len(text), 256)] }

// notation reads names, values and brackets, whatever signs stand between them.
type notation struct {
	rest string
	err  error
}

const (
	openers    = "{[("
	closers    = "}])"
	separators = ",;|&\n\r"
)

// items reads up to the bracket that closes these, or the end.
func (n *notation) items(depth int, paren bool) (all []item) {
	if depth > 16 {
		n.err = errTooMuch
		return nil
	}
	for n.err == nil {
		n.rest = strings.TrimLeftFunc(n.rest, func(r rune) bool {
			return unicode.IsSpace(r) || strings.ContainsRune(separators, r) || depth == 0 && strings.ContainsRune(closers, r)
		})
		if n.rest == "" {
			return all
		}
		if strings.IndexByte(closers, n.rest[0]) >= 0 {
			n.rest = n.rest[1:]
			return all
		}
		if len(all) == maxSaid {
			n.err = errTooMuch
			return all
		}
		all = append(all, n.item(depth, paren))
	}
	return all
}

func (n *notation) item(depth int, paren bool) item {
	name := ""
	if m := assigned.FindStringSubmatch(ahead(n.rest)); m != nil && !strings.HasPrefix(n.rest[len(m[0]):], "//") {
		name, n.rest = m[1], n.rest[len(m[0]):]
	} else if m := keyword.FindStringSubmatch(ahead(n.rest)); m != nil {
		name, n.rest = m[1], n.rest[len(m[0]):]
	}
	n.rest = strings.TrimLeft(n.rest, " \t")
	call := false
	if m := called.FindStringSubmatch(ahead(n.rest)); m != nil {
		if name == "" {
			name, call = m[1], true
		}
		n.rest = n.rest[len(m[0])-1:]
	}
	if (depth == 0 || call) && (kindOf(words(name)) == "" || idLike.MatchString(name)) { // ethereum:0x…, 12:30, cb({…}): it names nothing
		name = ""
	}
	if n.rest == "" || name != "" && strings.IndexByte(separators+closers, n.rest[0]) >= 0 {
		return item{name: name}
	}
	if strings.IndexByte(openers, n.rest[0]) >= 0 {
		open := n.rest[0]
		n.rest = n.rest[1:]
		return item{name: name, inner: n.items(depth+1, open == '('), group: true}
	}
	text := n.text()
	if m := pairOf.FindStringSubmatch(text); m != nil && name == "" && paren { // (amount 999)
		name, text = m[1], m[2]
	}
	return item{name: name, text: text}
}

// text is what stands in quotation marks, or up to the next sign or name.
func (n *notation) text() string {
	if quote := n.rest[0]; strings.IndexByte("\"'`", quote) >= 0 {
		if end := strings.IndexByte(n.rest[1:], quote); end >= 0 {
			text := n.rest[1 : end+1]
			n.rest = n.rest[end+2:]
			return text
		}
	}
	end := len(n.rest)
	for at, r := range n.rest {
		if strings.ContainsRune(separators+openers+closers, r) || at > 0 && (r == ' ' || r == '\t') && assigned.MatchString(ahead(n.rest[at:])) {
			end = at
			break
		}
	}
	if end == 0 { // so that every step takes something
		end = 1
	}
	text := strings.TrimSpace(n.rest[:end])
	n.rest = n.rest[end:]
	return text
}

// markup reads elements and their attributes.
func markup(text string) ([]item, error) {
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.Strict = false
	stack := []item{{group: true}}
	for count := 0; ; count++ {
		token, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errUnread
		}
		if len(stack) > 16 || count > 4*maxSaid {
			return nil, errTooMuch
		}
		top := &stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			element := item{name: t.Name.Local, group: true}
			for _, a := range t.Attr {
				element.inner = append(element.inner, item{name: a.Name.Local, text: a.Value})
			}
			stack = append(stack, element)
		case xml.CharData:
			if s := strings.TrimSpace(string(t)); s != "" {
				top.inner = append(top.inner, item{text: s})
			}
		case xml.EndElement:
			if len(stack) == 1 {
				return nil, errUnread
			}
			stack = closed(stack)
		}
	}
	for len(stack) > 1 {
		stack = closed(stack)
	}
	return stack[0].inner, nil
}

// closed puts the innermost element into the one around it. One with a text alone
// is that text; beside attributes the text is called value, as in lists of names.
func closed(stack []item) []item {
	last := stack[len(stack)-1]
	if len(last.inner) == 1 && last.inner[0].name == "" {
		last.group, last.text, last.inner = false, last.inner[0].text, nil
	}
	for at := range last.inner {
		if last.inner[at].name == "" {
			last.inner[at].name = "value"
		}
	}
	stack = stack[:len(stack)-1]
	top := &stack[len(stack)-1]
	top.inner = append(top.inner, last)
	return stack
}

// pairing finds a name and its value that are two fields of an object, or the two
// items of a list: {"key":"amount","value":1}, ["amount",1].
type pairing struct {
	label, content string
	items          int
}

func (p *pairing) add(object bool, name, value string) {
	p.items++
	name = strings.ToLower(name)
	switch {
	case object && p.label == "" && hasWord("key name k n field id param parameter property attribute attr label", name), !object && p.items == 1:
		p.label = value
	case object && p.content == "" && hasWord("value val v data content text", name), !object && p.items == 2:
		p.content = value
	}
}

func (p *pairing) of(object bool) (label, content string, ok bool) {
	ok = p.label != "" && p.content != "" && len(p.label) <= 64
	if !object { // most lists of two name nothing
		ok = ok && p.items == 2 && kindOf(words(p.label)) != "" && kindOf(words(p.content)) == ""
	}
	return p.label, p.content, ok
}
