// Package eip712 is typed data as EIP-712 has it: it reads what a program asks an account to
// sign, exactly, and computes the digest that the account's key signs. It refuses whatever
// two programs could read differently: numbers that are not whole or out of the range of
// their type, names that are declared twice, not at all, or left out, addresses whose check
// does not hold, and types that contain themselves. go-ethereum's apitypes takes much of
// that silently and is large, so that the browser, which verifies receipts, could not have
// it; a fuzz test holds this package to it. Pure. shared/intent uses it. Spec:
// shared/spec/messages.md.
package eip712

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"countersign/shared/strictjson"
)

// Limits of typed data. Its bytes are limited by what carries it.
const (
	MaxSize   = 16 << 10 // bytes, as it is read
	MaxTypes  = 32
	MaxFields = 64  // of a type
	MaxName   = 64  // characters of a name
	MaxDepth  = 8   // structs and lists in each other, the message itself being the first
	MaxValues = 256 // of the domain and the message, structs and lists among them
)

// DomainType is the name of the type of the domain.
const DomainType = "EIP712Domain"

// Data is typed data that was read.
type Data struct {
	Types   []Type // that are used: EIP712Domain, the primary type, then the others by name
	Primary string // name of the type of the message
	Domain  Value
	Message Value
}

// Type is a declared struct.
type Type struct {
	Name   string
	Fields []Field
}

// Field is a field of a [Type].
type Field struct{ Name, Type string }

// Kind says what a [Value] is.
type Kind int

// The kinds of values.
const (
	Struct Kind = iota // has Fields
	List               // has Items
	Uint               // Text is decimal
	Int
	Bool        // Text is true or false
	Address     // Text is 0x and 40 digits, with the check of EIP-55
	Bytes       // Text is 0x and digits in lower case, also of bytes1 to bytes32
	String      // Text is what it says
	FixedBytes  // as Bytes, of bytes1 to bytes32
	unknownKind // of a type that is none
)

// Value is a value of a type.
type Value struct {
	Type   string // as it is declared: "uint256", "Person[2]"
	Kind   Kind
	Text   string
	Fields []Member
	Items  []Value
}

// Member is a field of a struct, and its value.
type Member struct {
	Name  string
	Value Value
}

// Field finds a field of a struct; ok is false when there is none of this name.
func (v Value) Field(name string) (Value, bool) {
	for _, m := range v.Fields {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Number is the value of a Uint or an Int.
func (v Value) Number() *big.Int {
	n, ok := new(big.Int).SetString(v.Text, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

// typ finds a declared type.
func typ(all []Type, name string) (Type, bool) {
	for _, t := range all {
		if t.Name == name {
			return t, true
		}
	}
	return Type{}, false
}

// element is what a list is of, and how many; any is -1. ok is false for what is not a list.
func element(typ string) (of string, n int, ok bool) {
	open := strings.LastIndexByte(typ, '[')
	if open <= 0 || !strings.HasSuffix(typ, "]") {
		return "", 0, false
	}
	digits := typ[open+1 : len(typ)-1]
	if digits == "" {
		return typ[:open], -1, true
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > MaxValues || strconv.Itoa(n) != digits {
		return "", 0, false
	}
	return typ[:open], n, true
}

// base is the type without what makes lists of it.
func base(typ string) string {
	for {
		of, _, ok := element(typ)
		if !ok {
			return typ
		}
		typ = of
	}
}

// atom is the kind of a type of EIP-712 that is not declared; size is its bits, or its bytes.
func atom(typ string) (k Kind, size int) {
	switch typ {
	case "bool":
		return Bool, 0
	case "address":
		return Address, 0
	case "bytes":
		return Bytes, 0
	case "string":
		return String, 0
	}
	for _, a := range []struct {
		prefix     string
		kind       Kind
		step, most int
	}{{"uint", Uint, 8, 256}, {"int", Int, 8, 256}, {"bytes", FixedBytes, 1, 32}} {
		digits, ok := strings.CutPrefix(typ, a.prefix)
		n, err := strconv.Atoi(digits)
		if ok && err == nil && strconv.Itoa(n) == digits && n >= a.step && n <= a.most && n%a.step == 0 {
			return a.kind, n
		}
	}
	return unknownKind, 0
}

// Encode returns the one form of typed data: types that are used alone, fields in the order
// in which their types declare them, numbers as decimal texts, and no white space.
func (d Data) Encode() ([]byte, error) {
	w := writer{buf: []byte(`{"types":{`)}
	for i, t := range d.Types {
		if i > 0 {
			w.put(",")
		}
		w.text(t.Name)
		w.put(":[")
		for i, f := range t.Fields {
			if i > 0 {
				w.put(",")
			}
			w.put(`{"name":`)
			w.text(f.Name)
			w.put(`,"type":`)
			w.text(f.Type)
			w.put("}")
		}
		w.put("]")
	}
	w.put(`},"primaryType":`)
	w.text(d.Primary)
	w.put(`,"domain":`)
	w.value(d.Domain)
	w.put(`,"message":`)
	w.value(d.Message)
	w.put("}")
	return w.buf, w.err
}

type writer struct {
	buf []byte
	err error
}

func (w *writer) put(s string) { w.buf = append(w.buf, s...) }

func (w *writer) text(s string) {
	b, err := strictjson.Canonical(s)
	w.buf, w.err = append(w.buf, b...), cmp.Or(w.err, err)
}

func (w *writer) value(v Value) {
	switch v.Kind {
	case Struct:
		w.put("{")
		for i, m := range v.Fields {
			if i > 0 {
				w.put(",")
			}
			w.text(m.Name)
			w.put(":")
			w.value(m.Value)
		}
		w.put("}")
	case List:
		w.put("[")
		for i, x := range v.Items {
			if i > 0 {
				w.put(",")
			}
			w.value(x)
		}
		w.put("]")
	case Bool:
		w.put(v.Text)
	default:
		w.text(v.Text)
	}
}

// used are the types that a message and its domain have, in the order of the one form.
func used(all []Type, primary string) []Type {
	names := []string{DomainType, primary}
	for i := 0; i < len(names); i++ {
		t, _ := typ(all, names[i])
		for _, f := range t.Fields {
			if name := base(f.Type); !slices.Contains(names, name) {
				if _, declared := typ(all, name); declared {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names[2:])
	out := make([]Type, len(names))
	for i, name := range names {
		out[i], _ = typ(all, name)
	}
	return out
}
