package rehearsal

import (
	"fmt"
	"slices"
	"strings"

	"countersign/shared/intent"
)

// maxDescribed is how many kinds of requests a sentence lists.
const maxDescribed = 3

// plural names the requests of a kind.
func plural(kind string) string {
	switch kind {
	case intent.KindBuy:
		return "purchases"
	case intent.KindTransfer:
		return "transfers"
	case intent.KindReplace:
		return "replacements"
	case message:
		return "messages"
	}
	return fmt.Sprintf("requests of kind %q", kind)
}

// describe says what is in regions of a kind, and how many of them it leaves out.
func describe(all []region, kind string) (text string, more int) {
	var parts []string
	for _, r := range all {
		if len(parts) == maxDescribed {
			more = len(all) - maxDescribed
			parts = append(parts, fmt.Sprintf("and %s", count(more, "other kind of request")))
			parts[len(parts)-1] = strings.Replace(parts[len(parts)-1], "kind of requests", "kinds of requests", 1)
			break
		}
		parts = append(parts, r.describe(kind))
	}
	return strings.Join(parts, "; "), more
}

func (r region) describe(kind string) string {
	s := plural(kind)
	add := func(format string, args ...any) { s += " " + fmt.Sprintf(format, args...) }
	unit := r[spends(kind)].(words)
	if said := r[byAmount].(amounts).describe(); said != "" {
		add("%s", said)
	}
	switch {
	case !unit.not && kind == intent.KindBuy:
		add("in %s", some(unit.list, "currencies"))
	case !unit.not:
		add("of %s", some(unit.list, "assets"))
	case len(unit.list) > 0 && kind == intent.KindBuy:
		add("in another currency than %s", some(unit.list, "currencies"))
	case len(unit.list) > 0:
		add("of another asset than %s", some(unit.list, "assets"))
	}
	if asset := r[byAsset].(words); spends(kind) != byAsset && (!asset.not || len(asset.list) > 0) {
		if asset.not {
			add("of another asset than %s", some(asset.list, "assets"))
		} else {
			add("of %s", some(asset.list, "assets"))
		}
	}
	if p := without1(r[byProvider].(words), ""); !p.not && len(p.list) > 0 {
		add("from %s", some(p.list, "providers"))
	} else if len(p.list) > 0 {
		add("from another provider than %s", some(p.list, "providers"))
	}
	if a := without1(r[byAddress].(words), ""); !a.not && len(a.list) > 0 {
		add("to %s", some(a.list, "addresses"))
	} else if len(a.list) > 0 {
		add("to another address than %s", some(a.list, "addresses"))
	}
	if said := r[byTime].(times).describe(); said != "" {
		add("made %s", said)
	}
	return s
}

// without1 are words without one that is in no list of a person.
func without1(w words, s string) words {
	w.list = slices.DeleteFunc(slices.Clone(w.list), func(o string) bool { return o == s })
	return w
}

func some(list []string, noun string) string {
	if len(list) > maxDescribed {
		return fmt.Sprintf("one of %d %s", len(list), noun)
	}
	return join(list, "or")
}

// describe is empty for any amount.
func (a amounts) describe() string {
	var parts []string
	for _, s := range a {
		from, to := thousands(s.from.at.Trim().String()), thousands(s.to.at.Trim().String())
		low, high := "", ""
		switch {
		case s.from.at.IsZero():
		case s.from.behind:
			low = "of more than " + from
		default:
			low = "of at least " + from
		}
		switch {
		case s.to.end:
		case s.to.behind:
			high = "at most " + to
		default:
			high = "less than " + to
		}
		switch {
		case low != "" && high != "":
			parts = append(parts, low+" and "+high)
		case high != "":
			parts = append(parts, "of "+high)
		case low != "":
			parts = append(parts, low)
		default:
			return ""
		}
	}
	return strings.Join(parts, " or ")
}

// describe is empty for any time.
func (t times) describe() string {
	if any := anyTime(); t == any {
		return ""
	}
	type hours struct {
		days []string
		said string
	}
	var all []hours
	for i := range weekdays {
		day := (i + 1) % weekdays // from Monday
		var parts []string
		for m := 0; m < minutesOfDay; {
			if !t.has(day, m) {
				m++
				continue
			}
			from := m
			for m < minutesOfDay && t.has(day, m) {
				m++
			}
			parts = append(parts, fmt.Sprintf("%02d:%02d to %02d:%02d", from/60, from%60, m/60, m%60))
		}
		if len(parts) == 0 {
			continue
		}
		said := strings.Join(parts, " and ")
		if i := slices.IndexFunc(all, func(h hours) bool { return h.said == said }); i >= 0 {
			all[i].days = append(all[i].days, days[day])
			continue
		}
		all = append(all, hours{[]string{days[day]}, said})
	}
	var parts []string
	for _, h := range all {
		on := "on " + join(h.days, "or")
		if len(h.days) == weekdays {
			on = "on any day"
		}
		if h.said == "00:00 to 24:00" {
			parts = append(parts, on)
			continue
		}
		parts = append(parts, on+" from "+h.said+" UTC")
	}
	return strings.Join(parts, ", or ")
}
