//go:build !js || verify

package intent

import (
	"strconv"
	"strings"

	"countersign/shared/eip712"
	"countersign/shared/name"
)

// Lines implements [Intent]: what is signed, what it is known to allow, the domain, and each
// field with its type. What others chose stands behind a label, a path and a type, in which
// there is neither a space nor a sign of theirs, and in quotation marks.
func (m Message) Lines() []Line {
	all := []Line{{Label: "Signs", Value: m.Summary()}}
	switch {
	case m.Text != "":
		lines := strings.Split(m.Text, "\n")
		if len(lines) > 1 {
			all[0].Value += ", in " + strconv.Itoa(len(lines)) + " lines"
		}
		for _, l := range lines {
			all = append(all, Line{Label: "Text", Value: name.Verbatim(l)})
		}
	case m.Hex != "":
		all = append(all, warning("nobody can read what these bytes mean"), Line{Label: "Bytes", Value: m.Hex})
	default:
		d, err := eip712.Open(m.TypedData)
		if err != nil { // of a draft
			break
		}
		all = append(all, m.allows(d)...)
		for _, f := range d.Domain.Fields {
			all = append(all, m.valueLines("Domain", f.Name, f.Value)...)
		}
		for _, f := range d.Message.Fields {
			all = append(all, m.valueLines("Field", f.Name, f.Value)...)
		}
	}
	return append(all,
		Line{Label: "From account", Value: name.WithID(m.AccountName, m.Account)},
		Line{Label: "Own address", Value: Groups(m.Address)},
		Line{Label: "On chain", Value: Chain(m.Chain)},
	)
}

func warning(what string) Line { return Line{Label: "Warning", Value: what} }

// valueLines are a value at a path, and what is inside it.
func (m Message) valueLines(label, path string, v eip712.Value) []Line {
	value := path + ": " + v.Type
	switch v.Kind {
	case eip712.Struct:
		all := []Line{{Label: label, Value: value}}
		for _, f := range v.Fields {
			all = append(all, m.valueLines(label, path+"."+f.Name, f.Value)...)
		}
		return all
	case eip712.List:
		all := []Line{{Label: label, Value: value + ", " + elements(len(v.Items))}}
		for i, x := range v.Items {
			all = append(all, m.valueLines(label, path+"["+strconv.Itoa(i)+"]", x)...)
		}
		return all
	case eip712.String:
		value += " " + name.Verbatim(v.Text)
	case eip712.Address:
		if value += " " + Groups(v.Text); v.Text == m.Address {
			value += ", the account's own"
		}
	case eip712.Uint, eip712.Int:
		if label == "Domain" { // it is the number of the chain
			value += " " + v.Text
		} else {
			value += " " + thousandsOf(v.Text)
		}
	default:
		value += " " + v.Text
	}
	return []Line{{Label: label, Value: value}}
}

// thousandsOf sets the thousands of a whole number apart.
func thousandsOf(digits string) string {
	digits, negative := strings.CutPrefix(digits, "-")
	var s strings.Builder
	if negative {
		s.WriteByte('-')
	}
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			s.WriteByte(' ')
		}
		s.WriteByte(digits[i])
	}
	return s.String()
}

func elements(n int) string {
	if n == 1 {
		return "1 element"
	}
	return strconv.Itoa(n) + " elements"
}
