package strictjson

import (
	"strconv"
	"unicode/utf8"

	"countersign/shared/fault"
)

// Node is a JSON value whose names are not known beforehand. Nothing in it was rounded: a
// number is the digits that were written.
type Node struct {
	// Kind is how the value begins: '{', '[', '"', '0' of any number, 't', 'f' or 'n'.
	Kind    byte
	Text    string   // of a text without its escapes, of a number as it was written
	Members []Member // of an object, in the order in which they were written; no two have one name
	Items   []Node   // of a list
}

// Member is one name of an object, and its value.
type Member struct {
	Name  string
	Value Node
}

// Member finds the value of a name.
func (n Node) Member(name string) (Node, bool) {
	for _, m := range n.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Node{}, false
}

// Parse reads one JSON value of at most limit bytes, as strictly as [Unmarshal] and with
// its errors.
func Parse(data []byte, limit int) (n Node, err error) {
	switch {
	case len(data) > limit:
		return n, whole(nil, fault.TooLarge, "is larger than "+strconv.Itoa(limit)+" bytes")
	case !utf8.Valid(data):
		return n, whole(nil, fault.Invalid, "is not valid UTF-8")
	case deep(data):
		return n, whole(nil, fault.Invalid, "is nested too deeply")
	}
	if err := names(data, nil); err != nil {
		if _, ok := fault.As(err); ok {
			return n, err
		}
		return n, invalid(err)
	}
	if err := grammar(data); err != nil {
		return n, invalid(err)
	}
	r := reader{walker{data: data}}
	return r.node()
}

// node reads a value. Its grammar is checked.
func (r *reader) node() (n Node, err error) {
	switch n.Kind = r.next(); n.Kind {
	case '{':
		return n, r.each(true, func(name string) error {
			v, err := r.node()
			n.Members = append(n.Members, Member{name, v})
			return err
		})
	case '[':
		return n, r.each(false, func(string) error {
			v, err := r.node()
			n.Items = append(n.Items, v)
			return err
		})
	case '"':
		var ok bool
		if n.Text, ok = r.text(); !ok {
			return n, errGrammar
		}
		return n, nil
	}
	start := r.pos
	if err := r.skip(); err != nil {
		return n, err
	}
	if n.Kind == '-' || n.Kind >= '0' && n.Kind <= '9' {
		n.Kind, n.Text = '0', string(r.data[start:r.pos])
	}
	return n, nil
}
