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
	Decimal string                                   // the decimal sign
	Second  int                                      // digits of the groups left of the last; 0: three, as of that
	Country func(code string) string                 // a country's name; nil for the code
	Sorted  func([]string) []string                  // names in the order of the language; nil leaves them
	Name    func(currency string) string             // a currency's name; nil for the code
	Moment  func(t time.Time, day, year bool) string // a moment with or without its day; nil for English
	Local   *time.Location                           // the person's time zone
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
		if rest := len(whole) - i; i > 0 && (rest == 3 || rest > 3 && (rest-3)%w.second() == 0) {
			b.WriteString(thin)
		}
		b.WriteRune(c)
	}
	if frac != "" {
		b.WriteString(w.decimal() + frac)
	}
	return b.String()
}

// padded is [Words.number] with exactly so many decimals.
func (w Words) padded(s string, places int) string {
	whole, frac, _ := strings.Cut(s, ".")
	if places == 0 {
		return w.number(whole, 0)
	}
	return w.number(whole+"."+frac+strings.Repeat("0", max(places-len(frac), 0)), places)
}

func (w Words) second() int {
	if w.Second < 2 {
		return 3
	}
	return w.Second
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

// name is what a currency is called.
func (w Words) name(currency string) string {
	if w.Name != nil {
		return w.Name(currency)
	}
	return currency
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
	return shown(amount, w.number(amount, places), unit, size)
}

// shown is an amount as it is written, with the exact one in its title.
func shown(exact, written, unit, size string) view.Node {
	return view.El("span", classes("amount", size), view.A("title", exact+" "+unit),
		view.El("span", "amount-value", written), "\u00a0", view.El("span", "amount-unit", unit))
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
		return "today " + w.clock(t)
	}
	return w.stamp(t, true, t.Year() != now.Year())
}

func (w Words) clock(t time.Time) string { return w.stamp(t, false, false) }

func (w Words) stamp(t time.Time, day, year bool) string {
	if w.Moment != nil {
		return w.Moment(t, day, year)
	}
	return t.In(w.local()).Format(cond(day, "2 Jan") + cond(year, " 2006") + cond(day, ", ") + "15:04")
}

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

// address shows an address in groups of four that copy as one.
func address(a string) view.Node {
	return view.El("span", "id", grouped(a), copyButton(a, "address"))
}

// grouped is an address in groups with nothing between them: what is selected and copied
// is the address.
func grouped(a string) view.Node {
	groups := strings.Split(intent.Groups(a), " ")
	parts := make([]any, 0, len(groups))
	for _, g := range groups {
		parts = append(parts, view.El("span", "group", g))
	}
	return view.El("code", "address", parts...)
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
