package eip712

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/strictjson"
)

// Read reads typed data as programs write it: the object types, primaryType, domain and
// message. A number may be a number of JSON, or a text of decimal digits, or of 0x and
// hexadecimal ones where it cannot be negative; an address may have all its letters in one
// case. It fails with *[field.Problem].
func Read(raw []byte) (Data, error) {
	root, err := strictjson.Parse(raw, MaxSize)
	if err != nil {
		return Data{}, unread(err)
	}
	var r reader
	return r.data(root)
}

// Open is [Read] of the one form, as [Data.Encode] writes it. It refuses any other.
func Open(raw []byte) (Data, error) {
	d, err := Read(raw)
	if err != nil {
		return d, err
	}
	again, err := d.Encode()
	if err != nil || !bytes.Equal(again, raw) {
		return d, &field.Problem{Why: "is not in its one form"}
	}
	return d, nil
}

// unread is why something is not read as JSON, about the field that is to blame.
func unread(err error) error {
	f, ok := fault.As(err)
	if !ok || f.Code == fault.TooLarge {
		return &field.Problem{Why: "is longer than " + strconv.Itoa(MaxSize) + " bytes"}
	}
	if at := f.Details["field"]; at != "" {
		return &field.Problem{Field: at, Why: "appears twice"}
	}
	return &field.Problem{Why: "is not JSON: " + f.Message}
}

type reader struct {
	types  []Type
	values int
}

func bad(at, why string) error { return &field.Problem{Field: at, Why: why} }

func (r *reader) data(root strictjson.Node) (d Data, err error) {
	if root.Kind != '{' {
		return d, bad("", "is not an object")
	}
	for i, m := range root.Members {
		if !slices.Contains([]string{"types", "primaryType", "domain", "message"}, m.Name) {
			return d, bad("", "has a member that typed data does not have, at place "+strconv.Itoa(i+1))
		}
	}
	part := func(name string, kind byte, what string) (n strictjson.Node) {
		n, ok := root.Member(name)
		if err == nil && (!ok || n.Kind != kind) {
			err = bad(name, "is not "+what)
		}
		return n
	}
	types, primary := part("types", '{', "an object"), part("primaryType", '"', "a text")
	domain, message := part("domain", '{', "an object"), part("message", '{', "an object")
	if err != nil {
		return d, err
	}
	if err := r.declare(types); err != nil {
		return d, err
	}
	if err := r.checkDomain(); err != nil {
		return d, err
	}
	if _, ok := typ(r.types, primary.Text); !ok || primary.Text == DomainType {
		return d, bad("primaryType", "is not a declared type, or that of the domain")
	}
	d.Primary, d.Types = primary.Text, used(r.types, primary.Text)
	if d.Domain, err = r.value(DomainType, domain, "domain", 1); err != nil {
		return d, err
	}
	d.Message, err = r.value(d.Primary, message, "message", 1)
	return d, err
}

// named reports whether s can be a name of a type or a field: a letter, _ or $, and then
// also digits.
func named(s string) bool {
	if s == "" || len(s) > MaxName || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != '$' {
			return false
		}
	}
	return true
}

// declare reads the types.
func (r *reader) declare(n strictjson.Node) error {
	if len(n.Members) > MaxTypes {
		return bad("types", "are more than "+strconv.Itoa(MaxTypes))
	}
	for i, m := range n.Members {
		if !named(m.Name) {
			return bad("types."+strconv.Itoa(i), "has a name that is none: letters, digits, _ and $, at most "+strconv.Itoa(MaxName))
		}
		at := "types." + m.Name
		if k, _ := atom(m.Name); k != unknownKind || m.Name == "uint" || m.Name == "int" {
			return bad(at, "has the name of a type that EIP-712 defines")
		}
		if m.Value.Kind != '[' || len(m.Value.Items) == 0 || len(m.Value.Items) > MaxFields {
			return bad(at, "is not a list of 1 to "+strconv.Itoa(MaxFields)+" fields")
		}
		t := Type{Name: m.Name}
		for i, item := range m.Value.Items {
			at := at + "." + strconv.Itoa(i)
			name, ok := item.Member("name")
			of, ok2 := item.Member("type")
			if !ok || !ok2 || len(item.Members) != 2 || name.Kind != '"' || of.Kind != '"' {
				return bad(at, "is not an object of name and type")
			}
			if !named(name.Text) {
				return bad(at+".name", "is not a name: letters, digits, _ and $, at most "+strconv.Itoa(MaxName))
			}
			for _, f := range t.Fields {
				if f.Name == name.Text {
					return bad(at+".name", "is that of another field of the type")
				}
			}
			t.Fields = append(t.Fields, Field{name.Text, of.Text})
		}
		r.types = append(r.types, t)
	}
	for _, t := range r.types {
		for i, f := range t.Fields {
			at := "types." + t.Name + "." + strconv.Itoa(i) + ".type"
			b := base(f.Type)
			k, _ := atom(b)
			_, declared := typ(r.types, b)
			switch {
			case declared && b == DomainType:
				return bad(at, "is the type of the domain")
			case !declared && k == unknownKind:
				return bad(at, "is neither declared nor a type of EIP-712")
			}
		}
	}
	for _, t := range r.types {
		if r.contains(t.Name, t.Name, map[string]bool{}) {
			return bad("types."+t.Name, "contains itself")
		}
	}
	return nil
}

// contains reports whether a type has another one somewhere inside.
func (r *reader) contains(name, wanted string, seen map[string]bool) bool {
	t, _ := typ(r.types, name)
	for _, f := range t.Fields {
		b := base(f.Type)
		if b == wanted {
			return true
		}
		if seen[b] {
			continue
		}
		seen[b] = true
		if r.contains(b, wanted, seen) {
			return true
		}
	}
	return false
}

// domainFields are those that EIP-712 gives a domain, in its order.
var domainFields = []Field{{"name", "string"}, {"version", "string"}, {"chainId", "uint256"}, {"verifyingContract", "address"}, {"salt", "bytes32"}}

// checkDomain checks the type of the domain: some of its fields, in their order.
func (r *reader) checkDomain() error {
	t, ok := typ(r.types, DomainType)
	if !ok {
		return bad("types."+DomainType, "is not declared")
	}
	rest := domainFields
	for i, f := range t.Fields {
		n := slices.Index(rest, f)
		if n < 0 {
			return bad("types."+DomainType+"."+strconv.Itoa(i), "is not a field of a domain in its place: name, version, chainId, verifyingContract and salt, as EIP-712 has them")
		}
		rest = rest[n+1:]
	}
	return nil
}

// value reads a value of a type.
func (r *reader) value(t string, n strictjson.Node, at string, depth int) (v Value, err error) {
	if r.values++; r.values > MaxValues {
		return v, bad("message", "has more than "+strconv.Itoa(MaxValues)+" values")
	}
	v.Type = t
	if of, want, ok := element(t); ok {
		return r.list(v, of, want, n, at, depth)
	}
	if declared, ok := typ(r.types, t); ok {
		return r.structure(v, declared, n, at, depth)
	}
	var size int
	v.Kind, size = atom(t)
	if n.Kind != '"' && n.Kind != '0' && n.Kind != 't' && n.Kind != 'f' {
		return v, bad(at, "is not of type "+t)
	}
	why := ""
	switch v.Kind {
	case Uint, Int:
		v.Text, why = whole(n, v.Kind, size)
	case Bool:
		if v.Text = map[byte]string{'t': "true", 'f': "false"}[n.Kind]; v.Text == "" {
			why = "is neither true nor false"
		}
	case String:
		if v.Text = n.Text; n.Kind != '"' {
			why = "is not a text"
		}
	case Address:
		if n.Kind != '"' || !eip55.Valid(n.Text) {
			why = "is not an address whose check holds (EIP-55)"
		} else {
			v.Text = eip55.Address(n.Text[2:])
		}
	default:
		v.Text, why = octets(n, v.Kind == FixedBytes, size)
	}
	if why != "" {
		return v, bad(at, why)
	}
	return v, nil
}

func (r *reader) list(v Value, of string, want int, n strictjson.Node, at string, depth int) (Value, error) {
	v.Kind = List
	switch {
	case depth > MaxDepth:
		return v, bad(at, "is nested more than "+strconv.Itoa(MaxDepth)+" deep")
	case n.Kind != '[':
		return v, bad(at, "is not a list")
	case want >= 0 && len(n.Items) != want:
		return v, bad(at, "does not have "+strconv.Itoa(want)+" elements, as its type says")
	}
	for i, item := range n.Items {
		x, err := r.value(of, item, at+"."+strconv.Itoa(i), depth+1)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, x)
	}
	return v, nil
}

func (r *reader) structure(v Value, t Type, n strictjson.Node, at string, depth int) (Value, error) {
	v.Kind = Struct
	switch {
	case depth > MaxDepth:
		return v, bad(at, "is nested more than "+strconv.Itoa(MaxDepth)+" deep")
	case n.Kind != '{':
		return v, bad(at, "is not an object")
	}
	for i, m := range n.Members {
		if !slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Name == m.Name }) {
			return v, bad(at, "has a member that its type does not declare, at place "+strconv.Itoa(i+1)) // whose name is not shown: anything can stand in it
		}
	}
	for _, f := range t.Fields {
		member, ok := n.Member(f.Name)
		if !ok {
			return v, bad(at+"."+f.Name, "is missing")
		}
		x, err := r.value(f.Type, member, at+"."+f.Name, depth+1)
		if err != nil {
			return v, err
		}
		v.Fields = append(v.Fields, Member{f.Name, x})
	}
	return v, nil
}

const (
	decimal   = "0123456789"
	maxDigits = 78 // of 2^256
)

// whole reads a whole number of so many bits.
func whole(n strictjson.Node, kind Kind, bits int) (text, why string) {
	if n.Kind != '0' && n.Kind != '"' {
		return "", "is not a whole number"
	}
	digits, negative := strings.CutPrefix(n.Text, "-")
	radix, alphabet := 10, decimal
	if rest, ok := strings.CutPrefix(digits, "0x"); ok && n.Kind == '"' && !negative {
		digits, radix, alphabet = rest, 16, decimal+"abcdefABCDEF"
	}
	padded := radix == 10 && digits != "0" && strings.HasPrefix(digits, "0")
	if digits == "" || len(digits) > maxDigits || padded || strings.Trim(digits, alphabet) != "" {
		return "", "is not a whole number: decimal digits, or 0x and hexadecimal ones, in a text where a program would round them"
	}
	x, _ := new(big.Int).SetString(digits, radix)
	if negative {
		if x.Sign() == 0 {
			return "", "is not a whole number: it is zero with a sign"
		}
		x.Neg(x)
	}
	least, most := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(bits))
	if kind == Int {
		most.Rsh(most, 1)
		least.Neg(most)
	}
	if x.Cmp(least) < 0 || x.Cmp(most) >= 0 {
		return "", "is out of the range of its type"
	}
	return x.String(), ""
}

// octets reads bytes; fixed: exactly so many.
func octets(n strictjson.Node, fixed bool, size int) (text, why string) {
	digits, ok := strings.CutPrefix(n.Text, "0x")
	raw, err := hex.DecodeString(digits)
	switch {
	case n.Kind != '"' || !ok || err != nil:
		return "", "is not bytes: 0x and hexadecimal digits, two for each"
	case fixed && len(raw) != size:
		return "", "does not have " + strconv.Itoa(size) + " bytes, as its type says"
	}
	return "0x" + hex.EncodeToString(raw), ""
}
