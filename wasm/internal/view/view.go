// Package view is the tree of nodes that the core hands to the painter
// (wasm/js/painter.js): elements, attributes and text, never markup. It is pure,
// so that screens are tested as text without a browser. The format is described
// in wasm/js/port.d.ts. Used by wasm/internal/app.
package view

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Node is an element with attributes and children, or, when Tag is empty, text.
// The zero Node is nothing and is left out. A Node is one pointer, which keeps
// the views small: they are most of the module.
type Node struct{ *Element }

// Element is what a Node points to.
type Element struct {
	Tag   string
	Attrs []Attr
	Kids  []Node
	Text  string
}

// Attr is one attribute; the zero Attr is left out.
type Attr struct{ *Attribute }

// Attribute is what an Attr points to. Value is a string, a bool, or []Attr for
// the painter's grouped attributes (on, prop, css).
type Attribute struct {
	Name  string
	Value any
}

// Page is one picture: the tree and what travels beside it.
type Page struct {
	Title    string
	Announce string
	Path     string
	Keys     []Attr // shortcut → action
	Bridge   []Attr // how the bridge stands, for the page around this one
	Tree     Node
}

// El makes an element. Its parts are Node, []Node, string (text), Attr; a zero
// Node or Attr is left out. An empty class gives no class.
//
//go:noinline
func El(tag, class string, parts ...any) Node {
	n := &Element{Tag: tag}
	if class != "" {
		n.Attrs = append(n.Attrs, A("class", class))
	}
	for _, p := range parts {
		switch p := p.(type) {
		case Node:
			n.add(p)
		case []Node:
			for _, k := range p {
				n.add(k)
			}
		case string:
			n.add(Text(p))
		case Attr:
			n.set(p)
		case []Attr:
			for _, a := range p {
				n.set(a)
			}
		}
	}
	return Node{n}
}

func (n *Element) add(k Node) {
	if !k.Empty() {
		n.Kids = append(n.Kids, k)
	}
}

// set adds an attribute; the parts of a group (on, prop, css) gather in one.
func (n *Element) set(a Attr) {
	if a.Attribute == nil {
		return
	}
	for i := range n.Attrs {
		if n.Attrs[i].Name != a.Name {
			continue
		}
		was, wasGroup := n.Attrs[i].Value.([]Attr)
		more, isGroup := a.Value.([]Attr)
		if wasGroup && isGroup {
			n.Attrs[i] = group(a.Name, append(was[:len(was):len(was)], more...)...)
		} else {
			n.Attrs[i] = a
		}
		return
	}
	n.Attrs = append(n.Attrs, a)
}

// Empty reports whether n is the zero Node.
func (n Node) Empty() bool { return n.Element == nil || n.Tag == "" && n.Text == "" }

// Text makes a text node.
//
//go:noinline
func Text(s string) Node { return Node{&Element{Text: s}} }

// A makes an attribute.
//
//go:noinline
func A(name, value string) Attr { return Attr{&Attribute{name, value}} }

//go:noinline
func group(name string, parts ...Attr) Attr { return Attr{&Attribute{name, parts}} }

// Flag makes an attribute that is there without a value, or not at all.
//
//go:noinline
func Flag(name string, on bool) Attr {
	if !on {
		return Attr{}
	}
	return Attr{&Attribute{name, true}}
}

// On says which action an event sends.
//
//go:noinline
func On(event, action string) Attr { return group("on", A(event, action)) }

// Prop sets a property of the element; value is a string or a bool.
//
//go:noinline
func Prop(name string, value any) Attr { return group("prop", Attr{&Attribute{name, value}}) }

// CSS sets a custom property, "--progress" for one.
//
//go:noinline
func CSS(name, value string) Attr { return group("css", A(name, value)) }

// Key is the identity among siblings.
//
//go:noinline
func Key(k string) Attr { return A("key", k) }

// If returns n when on holds, else nothing.
//
//go:noinline
func If(on bool, n Node) Node {
	if on {
		return n
	}
	return Node{}
}

// JSON is the page as the painter reads it.
func (p Page) JSON() string {
	b := make([]byte, 0, 16<<10)
	b = append(b, `{"title":`...)
	b = quote(b, p.Title)
	b = append(b, `,"announce":`...)
	b = quote(b, p.Announce)
	if p.Path != "" {
		b = append(b, `,"path":`...)
		b = quote(b, p.Path)
	}
	if len(p.Keys) > 0 {
		b = append(b, `,"keys":`...)
		b = attrs(b, p.Keys)
	}
	if len(p.Bridge) > 0 {
		b = append(b, `,"bridge":`...)
		b = attrs(b, p.Bridge)
	}
	b = append(b, `,"tree":`...)
	b = p.Tree.append(b)
	return string(append(b, '}'))
}

func (n Node) append(b []byte) []byte {
	if n.Element == nil {
		return append(b, "null"...)
	}
	if n.Tag == "" {
		return quote(b, n.Text)
	}
	b = quote(append(b, '['), n.Tag)
	b = attrs(append(b, ','), n.Attrs)
	b = append(b, ",["...)
	for i, k := range n.Kids {
		if i > 0 {
			b = append(b, ',')
		}
		b = k.append(b)
	}
	return append(b, "]]"...)
}

func attrs(b []byte, list []Attr) []byte {
	b = append(b, '{')
	for i, a := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(quote(b, a.Name), ':')
		switch v := a.Value.(type) {
		case string:
			b = quote(b, v)
		case bool:
			b = strconv.AppendBool(b, v)
		case []Attr:
			b = attrs(b, v)
		default:
			b = append(b, "null"...)
		}
	}
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// quote appends s as a JSON string; what is not valid UTF-8 becomes U+FFFD.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c == '\n':
				b = append(b, '\\', 'n')
			case c < 0x20 || c == 0x7f:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = utf8.AppendRune(b, r)
		i += size
	}
	return append(b, '"')
}

// Outline writes the tree as indented text: one line per element with its
// classes and what can be read or done there. Tests compare screens by it.
func (n Node) Outline() string {
	var b strings.Builder
	n.outline(&b, 0)
	return b.String()
}

func (n Node) outline(b *strings.Builder, depth int) {
	if n.Element == nil {
		return
	}
	pad := strings.Repeat("  ", depth)
	if n.Tag == "" {
		b.WriteString(pad + "“" + n.Text + "”\n")
		return
	}
	b.WriteString(pad + n.Tag)
	for _, a := range n.Attrs {
		switch v := a.Value.(type) {
		case string:
			switch a.Name {
			case "class":
				b.WriteString("." + strings.ReplaceAll(v, " ", "."))
			default:
				b.WriteString(" " + a.Name + "=" + v)
			}
		case bool:
			if v {
				b.WriteString(" " + a.Name)
			}
		case []Attr:
			for _, g := range v {
				b.WriteString(" " + a.Name + ":" + g.Name + "=" + text(g.Value))
			}
		}
	}
	if len(n.Kids) == 1 && n.Kids[0].Tag == "" {
		b.WriteString(" “" + n.Kids[0].Text + "”\n")
		return
	}
	b.WriteString("\n")
	for _, k := range n.Kids {
		k.outline(b, depth+1)
	}
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	}
	return "?"
}

// Get returns the value of a plain string attribute, else "".
func (n Node) Get(name string) string {
	for _, a := range n.Attrs {
		if s, ok := a.Value.(string); ok && a.Name == name {
			return s
		}
	}
	return ""
}

// Walk calls f for n and everything below it.
func (n Node) Walk(f func(Node)) {
	if n.Element == nil {
		return
	}
	f(n)
	for _, k := range n.Kids {
		k.Walk(f)
	}
}

// Words returns the text of n and everything below it.
func (n Node) Words() string {
	var b strings.Builder
	n.Walk(func(k Node) {
		if k.Tag == "" {
			b.WriteString(k.Text)
		}
	})
	return b.String()
}
