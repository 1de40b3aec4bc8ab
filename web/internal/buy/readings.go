package buy

import (
	"encoding/json"
	"regexp"
	"strings"
)

// text is a value that is about to be read, and what tells which readings fit it.
type text struct {
	name, within, value string
	depth               int
	free                bool // its name is one for words of other vocabularies
	structured          bool // it begins with a bracket
	link                bool // it is the address of a page
}

// read reads a value in every way in which it can be read: that one fits does not mean
// that a page would not read it in another. It may be percent-encoded once more, or a
// data: URL. JSON is nothing else, and a picture says nothing.
func (r *reader) read(name, within, value string, depth int) {
	t := text{name: name, within: within, depth: depth, free: free(words(name))}
	t.structured = strings.ContainsAny(value[:min(len(value), 1)], `{["<`)
	if once := unescaped(value, false); once != value {
		if r.value(name, within, once, depth); !t.structured {
			return
		}
	}
	if rest, data := cutFold(value, "data:"); data {
		if _, picture := cutFold(rest, "image/"); picture {
			return
		}
		_, value, _ = strings.Cut(rest, ",")
		t.structured = strings.ContainsAny(value[:min(len(value), 1)], `{["<`)
	}
	if t.structured && json.Valid([]byte(value)) {
		r.json(name, value, depth)
		return
	}
	t.value, t.link = value, linked.MatchString(value)
	for _, reading := range []func(text){r.asLink, r.asQuery, r.asNotation, r.asEncoded, r.asNeighbours} {
		reading(t)
	}
}

var (
	linked = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.\-]*://`)
	links  = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.\-]*://[^\s"'<>,;|(){}]*`)
	hosts  = regexp.MustCompile(`^[A-Za-z0-9.:@\-\[\]]*$`)
	padded = regexp.MustCompile(`^[0-9A-Za-z+/_\-]+={1,2}$`) // base64, and no name without a value
	packed = regexp.MustCompile(`[0-9A-Za-z+/_\-]{16,}`)
)

// unwrap reads what is wrapped in a name: base64, or a query or JSON as a whole.
func (r *reader) unwrap(name string, depth int) {
	if strings.ContainsAny(name, `={"`) {
		r.read("", "", name, depth+1)
	} else if packed.MatchString(name) {
		r.asEncoded(text{value: name, depth: depth + 1})
	}
	r.beside(name, depth+1)
}

// asLink reads the address of a page, and those that stand in a text.
func (r *reader) asLink(t text) {
	if t.link {
		r.link(t, t.value)
	} else if !t.structured {
		for _, link := range links.FindAllString(t.value, maxSaid) {
			r.link(t, link)
		}
	}
}

// link takes apart an address, however wrong it is. What an address to come back to
// says is about another site, unless that is the provider's own. The path of a picture
// is not read.
func (r *reader) link(t text, address string) {
	_, rest, _ := strings.Cut(address, "://")
	rest, fragment, _ := strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	was := r.away
	r.away = was || !strings.EqualFold(host, r.host) && anyOf(append(words(t.name), words(t.within)...), returnWords)
	if !hosts.MatchString(host) {
		r.value("", "", host, t.depth)
	}
	if pictured(words(t.name)) && pictures.MatchString(path) {
		path = ""
	}
	r.path(path, t.depth)
	r.query(query, t.depth)
	r.fragment(fragment, t.depth)
	r.away = was
}

// returnWords are those of names for pages that are led back to, or told of the end.
const returnWords = "return redirect callback success successful failure failed fail error cancel cancelled canceled back webhook final finish finished deeplink exit complete completed postback notify notification hook"

// pictured reports whether a name is one for a picture.
func pictured(w []string) bool { return anyOf(w, pictureWords) }

var pictures = regexp.MustCompile(`(?i)^[^?#]*\.(png|svg|jpe?g|gif|webp|ico)$`)

// asQuery reads a=1&b=2, and such behind a path.
func (r *reader) asQuery(t text) {
	name, _, found := strings.Cut(t.value, "=")
	if !found || t.structured || t.link {
		return
	}
	if before, query, found := strings.Cut(t.value, "?"); found && !strings.Contains(before, "://") {
		r.path(before, t.depth)
		r.query(query, t.depth)
	}
	if strings.Contains(strings.TrimRight(t.value, "="), "=") && len(name) <= 64 && !strings.ContainsAny(name, " \t\n") {
		r.query(t.value, t.depth)
	}
}

// asNotation reads what names values in another notation than JSON, or in JSON that
// ends too early. What stands in no bracket leaves the judgement of the whole value to
// its own name, so that name is empty for it; under names of other vocabularies it
// names nothing: sort=amount:desc.
func (r *reader) asNotation(t text) {
	if t.link || t.free && !t.structured || len(t.value)%4 == 0 && padded.MatchString(t.value) {
		return
	}
	if at := strings.IndexByte(t.value, '<'); at > 0 && strings.Contains(t.value, "</") { // behind a text
		if asJSON, found, err := unfold(t.value[at:]); found && err == nil {
			r.json("", asJSON, t.depth)
		}
	}
	name := ""
	if t.structured && t.value[0] != '<' {
		name = t.name
	}
	asJSON, found, err := unfold(t.value)
	switch {
	case err != nil && r.err == nil:
		r.err = err
	case found:
		r.json(name, asJSON, t.depth)
	case name != "" || t.structured:
		r.json(name, t.value, t.depth)
	}
}

// asNeighbours reads names and what stands next to them.
func (r *reader) asNeighbours(t text) {
	if !t.free && !t.link {
		r.beside(t.value, t.depth)
	}
}

// beside takes a name and what stands next to it for a parameter, whatever sign or
// word is between them: amount,999 or "the amount is 999". Next to the name of an
// amount it must be a number; next to that of an address there must be a sign.
func (r *reader) beside(value string, depth int) {
	value = plain(value)
	for _, at := range word.FindAllStringIndex(value, maxSaid) {
		m := neighbours.FindStringSubmatch(ahead(value[at[0]:]))
		if m == nil || r.err != nil || idLike.MatchString(m[1]) {
			continue
		}
		name, sign, what := m[1], m[2], m[3]
		kind, number := kindOf(words(name)), figures.MatchString(what)
		if kind == aboutAmount && number || kind == aboutAddress && sign != "" && !number && kindOf(words(what)) == "" {
			r.value(name, "", what, depth)
		}
	}
}
