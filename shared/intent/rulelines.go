package intent

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"countersign/shared/governance"
	"countersign/shared/name"
)

// ruleLines say everything that is in a rule but its name, field by field as it stands in
// the rules: what a later version adds to rules is shown too.
func ruleLines(r governance.Rule) []Line { return fieldLines(r, "name") }

// fieldLines are those of all fields of a struct but some.
func fieldLines(of any, without ...string) (lines []Line) {
	v := reflect.ValueOf(of)
	for i := range v.NumField() {
		called, f := fieldName(v.Type().Field(i)), v.Field(i)
		if slices.Contains(without, called) || f.IsZero() {
			continue
		}
		if f.Kind() != reflect.Slice {
			lines = append(lines, Line{Label: called, Value: said(f)})
			continue
		}
		label := strings.TrimSuffix(called, "s")
		for j := range f.Len() {
			lines = append(lines, Line{Label: label, Value: said(f.Index(j))})
		}
	}
	return lines
}

func fieldName(f reflect.StructField) string {
	called, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return called
}

// said writes a value of the rules in words: "amount: currency EUR, max 1000", and
// "recipient: children" of what is true.
func said(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		return said(v.Elem())
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			one := said(v.Index(i))
			if v.Index(i).Kind() == reflect.Struct {
				one = "(" + one + ")"
			}
			all = append(all, one)
		}
		return strings.Join(all, " + ")
	case reflect.Struct:
		var all []string
		for i := range v.NumField() {
			f := v.Field(i)
			if f.IsZero() {
				continue
			}
			called := fieldName(v.Type().Field(i))
			if f.Kind() == reflect.Bool { // which is true
				all = append(all, called)
				continue
			}
			between := " "
			if inner := reflect.Indirect(f); inner.Kind() == reflect.Struct {
				between = ": "
			}
			all = append(all, called+between+said(f))
		}
		return strings.Join(all, ", ")
	}
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case strings.Trim(v.String(), plain) != "":
		return name.InQuotes(name.Shown(v.String()))
	}
	return v.String()
}

// plain are the characters of what stands without quotation marks: it cannot pass for
// several words.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:"
