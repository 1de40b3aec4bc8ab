//go:build js && wasm

package browser

import (
	"syscall/js"
	"time"
)

// Language is a language by its tag (BCP 47), as the browser's Intl writes it; empty:
// the browser's own.
type Language string

func (l Language) intl(what string, options js.Value) (js.Value, error) {
	tag := js.Undefined()
	if l != "" {
		tag = js.ValueOf(string(l))
	}
	return construct(global.Get("Intl").Get(what), tag, options)
}

// Number is how numbers are written: the decimal sign, and how many digits a group left of
// the last has.
func (l Language) Number() (decimal string, second int) {
	options := object.New()
	options.Set("numberingSystem", "latn")
	decimal, second = ".", 3
	f, err := l.intl("NumberFormat", options)
	if err != nil {
		return decimal, second
	}
	text := []rune(f.Call("format", 12345678.5).String()) // 12,345,678.5 or 1,23,45,678.5
	if n := len(text); n < 3 {
		return decimal, second
	} else if text[n-2] == ',' || text[n-2] == '٫' {
		decimal = ","
	}
	if text[1] != '2' {
		second = 2
	}
	return decimal, second
}

// Names gives names: of a "region" by its code in ISO 3166-1, or of a "currency" by its
// code in ISO 4217. One that is not known is empty.
func (l Language) Names(of string) func(code string) string {
	options := object.New()
	options.Set("type", of)
	names, err := l.intl("DisplayNames", options)
	known := map[string]string{}
	return func(code string) string {
		if err != nil {
			return ""
		}
		name, ok := known[code]
		if !ok {
			if v, err := call(names, "of", code); err == nil && v.Type() == js.TypeString {
				name = v.String()
			}
			known[code] = name
		}
		return name
	}
}

// Moment writes a time in the person's zone, with or without its day and its year.
func (l Language) Moment() func(t time.Time, day, year bool) string {
	var formats [3]js.Value
	options := object.New()
	options.Set("hour", "2-digit")
	options.Set("minute", "2-digit")
	for i := range formats {
		if i == 1 {
			options.Set("day", "numeric")
			options.Set("month", "short")
		}
		if i == 2 {
			options.Set("year", "numeric")
		}
		f, err := l.intl("DateTimeFormat", options)
		if err != nil {
			return nil
		}
		formats[i] = f
	}
	return func(t time.Time, day, year bool) string {
		i := 0
		if day {
			i = 1
		}
		if year {
			i = 2
		}
		return formats[i].Call("format", t.UnixMilli()).String()
	}
}

// Sorted puts names in the order of the language; as they were when the browser cannot.
func (l Language) Sorted(names []string) []string {
	list := global.Get("Array").New()
	for _, n := range names {
		list.Call("push", n)
	}
	collator, err := l.intl("Collator", js.Undefined())
	if err != nil {
		return names
	}
	if _, err := call(list, "sort", collator.Get("compare")); err != nil {
		return names
	}
	sorted := make([]string, len(names))
	for i := range sorted {
		sorted[i] = list.Index(i).String()
	}
	return sorted
}
