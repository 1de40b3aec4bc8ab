package app

import (
	"strings"
	"time"

	"countersign/shared/asset"
	"countersign/shared/intent"
	"countersign/shared/quote"
	"countersign/wasm/internal/view"
)

// thin separates groups of digits: narrow, and never a line break.
const thin = "\u202f"

// Words are what depends on the person's language. The browser fills them in.
type Words struct {
	Decimal string                   // the decimal sign
	Country func(code string) string // a country's name; nil for the code
	Sorted  func([]string) []string  // names in the order of the language; nil leaves them
	Local   *time.Location           // the person's time zone
}

// number groups the digits of a plain decimal. It shows at most places decimals,
// cut and never rounded up; -1 shows all.
func (w Words) number(s string, places int) string {
	sign := ""
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, s = "\u2212", rest
	} else if rest, ok := strings.CutPrefix(s, "+"); ok {
		sign, s = "+", rest
	}
	whole, frac, _ := strings.Cut(s, ".")
	if places >= 0 && len(frac) > places {
		frac = frac[:places]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(thin)
		}
		b.WriteRune(c)
	}
	if frac != "" {
		b.WriteString(w.decimal() + frac)
	}
	return b.String()
}

func (w Words) decimal() string {
	if w.Decimal == "" {
		return "."
	}
	return w.Decimal
}

func (w Words) country(code string) string {
	if w.Country != nil {
		if n := w.Country(code); n != "" {
			return n
		}
	}
	return code
}

// byName puts choices, value and name, in the order of their names.
func (w Words) byName(list [][2]string) [][2]string {
	if w.Sorted == nil {
		return list
	}
	values := make(map[string]string, len(list))
	names := make([]string, len(list))
	for i, c := range list {
		values[c[1]], names[i] = c[0], c[1]
	}
	for i, n := range w.Sorted(names) {
		list[i] = [2]string{values[n], n}
	}
	return list
}

// assetOf is what a LedgerId is called.
func assetOf(id string) asset.Asset {
	a, ok := asset.ByID(id)
	if !ok {
		last := id[strings.LastIndexByte(id, '/')+1:]
		a.Name, a.Ticker = strings.ReplaceAll(last, "__", " "), strings.ToUpper(strings.ReplaceAll(last, "_", ""))
	}
	return a
}

// methodName is a payment method where a name begins: "iDEAL" stays as it is.
func methodName(id string) string {
	n := quote.MethodName(id)
	if len(n) > 1 && n[1] >= 'a' {
		return capital(n)
	}
	return n
}

// chainOf is a chain by its name and its id.
func chainOf(id string) string {
	n, ok := asset.Chain(id)
	if !ok {
		return id
	}
	return n.Name + " (" + id + ")"
}

// capital starts a sentence.
func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// shownPlaces is how many decimals of crypto a list shows; the exact amount is
// always in the title and in the copy button.
const shownPlaces = 8

// crypto shows an amount of an asset, exact in its title.
func (w Words) crypto(amount, id, size string) view.Node {
	a := assetOf(id)
	return w.amount(amount, a.Ticker, size, shownPlaces)
}

// exact shows an amount to the last digit.
func (w Words) exact(amount, unit, size string) view.Node { return w.amount(amount, unit, size, -1) }

func (w Words) amount(amount, unit, size string, places int) view.Node {
	return view.El("span", classes("amount", size), view.A("title", amount+" "+unit),
		view.El("span", "amount-value", w.number(amount, places)), " ", view.El("span", "amount-unit", unit))
}

// fiat is an amount with its currency, which stay in one line.
func (w Words) fiat(amount, currency string) string {
	return w.number(amount, -1) + "\u00a0" + currency
}

// quotes are the words for what shared/quote finds.
func (w Words) quotes() quote.Words { return quote.Words{Money: w.fiat, Country: w.country} }

// when writes a moment: the time today, else the date too.
func (w Words) when(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	t, now = t.In(w.local()), now.In(w.local())
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return "today " + t.Format("15:04")
	}
	if t.Year() == now.Year() {
		return t.Format("2 Jan, 15:04")
	}
	return t.Format("2 Jan 2006, 15:04")
}

func (w Words) clock(t time.Time) string { return t.In(w.local()).Format("15:04") }

func (w Words) local() *time.Location {
	if w.Local == nil {
		return time.UTC
	}
	return w.Local
}

// moment is a time element with the exact UTC time in its title.
func (w Words) moment(t, now time.Time, class string) view.Node {
	if t.IsZero() {
		return view.Node{}
	}
	return view.El("time", class, view.A("datetime", t.UTC().Format(time.RFC3339)),
		view.A("title", t.UTC().Format("2006-01-02 15:04:05 UTC")), w.when(t, now))
}

// left writes a remaining time in whole units, rounded up so that it never
// shows zero while something is still valid.
func left(d time.Duration) string {
	if d <= 0 {
		return "expired"
	}
	s := int((d + time.Second - 1) / time.Second)
	switch {
	case s < 60:
		return itoa(s) + " s"
	case s < 3600:
		if s%60 == 0 || s >= 600 {
			return itoa(s/60) + " min"
		}
		return itoa(s/60) + " min " + itoa(s%60) + " s"
	case s < 48*3600:
		return itoa(s/3600) + " h " + itoa(s/60%60) + " min"
	}
	return itoa(s/86400) + " days"
}

// typed is what a person typed as an amount, in digits of ASCII and without the
// spaces and apostrophes that group, and the marks in it.
func typed(s string) (text string, marks []rune, ok bool) {
	if s = strings.TrimSpace(s); s == "" || len(s) > 64 {
		return "", nil, false
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= '٠' && r <= '٩':
			b.WriteRune(r - '٠' + '0')
		case r >= '۰' && r <= '۹':
			b.WriteRune(r - '۰' + '0')
		case r >= '०' && r <= '९':
			b.WriteRune(r - '०' + '0')
		case r == ' ' || r == '\u00a0' || r == '\u202f' || r == '\'' || r == '’':
		case r == '.' || r == ',' || r == '٫':
			marks = append(marks, r)
			b.WriteRune(r)
		default:
			return "", nil, false
		}
	}
	return b.String(), marks, true
}

// plain turns an amount as people type it into a plain decimal: the person's
// decimal sign becomes a point. It reports false for anything that could be read in
// two ways.
func (w Words) plain(s string) (string, bool) {
	text, marks, ok := typed(s)
	if grouped, _ := twoWays(text); !ok || grouped != "" {
		return "", false
	}
	out, ok := decimalPoint(text, marks, w.decimal())
	if !ok {
		return "", false
	}
	whole, frac, _ := strings.Cut(out, ".")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if frac = strings.TrimRight(frac, "0"); frac != "" {
		whole += "." + frac
	}
	return whole, whole != "0" && len(whole) <= 40
}

// twoWays returns both readings of an amount such as 1.000, which is a thousand to
// some and one to others, whatever language their browser speaks; else nothing.
func twoWays(s string) (grouped, decimal string) {
	i := strings.IndexAny(s, ".,")
	if i < 1 || i > 3 || s[0] == '0' || len(s) != i+4 || unmarked(s[i+1:]) != s[i+1:] {
		return "", ""
	}
	return unmarked(s), s[:i] + "." + s[i+1:]
}

// decimalPoint decides which mark is the decimal sign: the person's own one when
// it is there once and last; otherwise marks group by three.
func decimalPoint(s string, marks []rune, decimal string) (string, bool) {
	if len(marks) == 0 {
		return s, s != ""
	}
	last := string(marks[len(marks)-1])
	same := strings.Count(s, last)
	i := strings.LastIndex(s, last)
	after := s[i+len(last):]
	groups := len(after) == 3 && last != decimal || same > 1
	if groups {
		for _, g := range strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ',' || r == '٫' })[1:] {
			if len(g) != 3 {
				return "", false
			}
		}
		if len(marks) != same {
			return "", false
		}
		return unmarked(s), true
	}
	if after == "" {
		return unmarked(s), true // "250," while typing
	}
	return unmarked(s[:i]) + "." + after, true
}

// unmarked is a number without its marks.
func unmarked(s string) string {
	for _, mark := range []string{".", ",", "٫"} {
		s = strings.ReplaceAll(s, mark, "")
	}
	return s
}

// address shows an address in groups of four that copy as one.
func address(a string) view.Node {
	groups := strings.Split(intent.Groups(a), " ")
	parts := make([]any, 0, 2*len(groups)+1)
	for _, g := range groups {
		parts = append(parts, view.El("span", "group", g))
	}
	return view.El("span", "id", view.El("code", "address", parts...), copyButton(a, "address"))
}

// identifier shows an id with a button to copy it.
func identifier(s string) view.Node {
	return view.El("span", "id", view.El("code", "", s), copyButton(s, "identifier"))
}

func copyButton(text, what string) view.Node {
	return view.El("button", "copy", view.A("type", "button"), view.A("copy", text), view.A("aria-label", "Copy "+what),
		view.A("title", "Copy "+what), icon("copy"))
}

func icon(name string) view.Node { return view.El("icon", "", view.A("name", name)) }

// classes joins the names that are not empty.
func classes(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		if n == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(n)
	}
	return b.String()
}

func cond(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return itoa(n) + " " + one
	}
	return itoa(n) + " " + many
}
