package conform

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Fault is one way to get the contract wrong, and what the checks say of it.
type Fault struct {
	Name  string
	What  string
	Check string // of [Checks]; empty: none finds anything that it does not find at /none
	Level string

	question func(w http.ResponseWriter, r *http.Request, path string) bool // false: it was answered
	path     func(string) string
	answer   func(*reply)
}

func faultNamed(name string) (Fault, bool) {
	for _, f := range Faults {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

func each(v any, change func(map[string]any)) {
	list, _ := v.([]any)
	for _, e := range list {
		if o, ok := e.(map[string]any); ok {
			change(o)
		}
	}
}

func onQuotes(path string) bool { return path == "/quote" || path == "/quotes" }

func quoteEdit(change func(map[string]any)) func(*reply) {
	return func(a *reply) { a.edit("/quote", change) }
}

// broken says that a question is a wrong one, as the checks ask them.
func broken(q url.Values) bool {
	return q.Get("amount") == "abc" || q.Get("to") == "not-an-asset" || q.Get("country") == "XX" || q.Get("payment-method") == "barter"
}

// Faults are all that can be simulated, in the order of the checks that find them.
var Faults = []Fault{
	{Name: "none", What: "answers as the provider gives them"},
	{Name: "down", What: "503 to everything", Check: "capabilities", Level: Fail, question: func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		return refuse(w, http.StatusServiceUnavailable, "application/json", `{"code":503,"message":"down for maintenance"}`)
	}},
	{Name: "moved", What: "302 to everything", Check: "capabilities", Level: Fail, question: func(w http.ResponseWriter, r *http.Request, path string) bool {
		http.Redirect(w, r, "/none"+path+"?"+r.URL.RawQuery, http.StatusFound)
		return false
	}},
	{Name: "key-for-capabilities", What: "/capabilities needs the API key, which the contract does not say", Check: "capabilities", Level: Fail,
		question: func(w http.ResponseWriter, r *http.Request, path string) bool {
			if path == "/capabilities" && r.Header.Get("X-API-KEY") == "" {
				return refuse(w, http.StatusUnauthorized, "text/plain", "Unauthorized")
			}
			return true
		}},
	{Name: "example-name", What: "countryCapabilities, as in the contract's example", Check: "countries-name", Level: Note, answer: func(a *reply) {
		a.edit("/capabilities", func(v map[string]any) {
			v["countryCapabilities"] = v["countriesCapabilities"]
			delete(v, "countriesCapabilities")
		})
	}},
	{Name: "both-names", What: "both names of the list of countries, which agree", Check: "countries-name", Level: Note, answer: func(a *reply) {
		a.edit("/capabilities", func(v map[string]any) { v["countryCapabilities"] = v["countriesCapabilities"] })
	}},
	{Name: "names-differ", What: "both names of the list of countries, which differ", Check: "countries-name", Level: Fail, answer: func(a *reply) {
		a.edit("/capabilities", func(v map[string]any) {
			list, _ := v["countriesCapabilities"].([]any)
			v["countryCapabilities"] = list[:len(list)-1]
		})
	}},
	{Name: "lower-case", What: "currencies in lower case, as in the contract's example", Check: "codes", Level: Note, answer: func(a *reply) {
		a.edit("/capabilities", func(v map[string]any) {
			each(v["fiatCurrencyCapabilities"], func(o map[string]any) { o["fiat"] = strings.ToLower(o["fiat"].(string)) })
		})
	}},
	{Name: "method-objects", What: "payment methods as objects, as a strict generator makes of the contract's oneOf", Check: "methods", Level: Fail, answer: func(a *reply) {
		a.edit("/capabilities", func(v map[string]any) {
			each(v["countriesCapabilities"], func(c map[string]any) {
				each(c["paymentMethods"], func(m map[string]any) { m["name"] = map[string]any{} })
			})
		})
	}},
	{Name: "older-methods", What: "visa and mastercard for card", Check: "methods", Level: Note, answer: func(a *reply) {
		a.text("/capabilities", func(s string) string { return strings.ReplaceAll(s, `"card"`, `"visa"`) })
	}},
	{Name: "success-rate", What: "successRate, which was dropped in 2024-10", Check: "methods", Level: Note, answer: func(a *reply) {
		a.edit("/capabilities", func(v map[string]any) {
			each(v["countriesCapabilities"], func(c map[string]any) {
				each(c["paymentMethods"], func(m map[string]any) { m["successRate"] = 98 })
			})
		})
	}},
	{Name: "decimal-limits", What: "limits with decimals", Check: "limits", Level: Note, answer: func(a *reply) {
		a.edit("/capabilities", func(v map[string]any) {
			each(v["fiatCurrencyCapabilities"], func(o map[string]any) { o["minAmount"] = json.Number(string(o["minAmount"].(json.Number)) + ".50") })
		})
	}},
	{Name: "unknown-country", What: "UK in the list of countries", Check: "left-out", Level: Note, answer: func(a *reply) {
		a.text("/capabilities", func(s string) string { return strings.ReplaceAll(s, `"GB"`, `"UK"`) })
	}},
	{Name: "asset-objects", What: "assets as objects, as before 2025-05", Check: "assets", Level: Note, answer: func(a *reply) {
		a.text("/crypto-currencies", func(s string) string {
			var ids []string
			var list []any
			if json.Unmarshal([]byte(s), &ids) != nil {
				return s
			}
			for _, id := range ids {
				chain, _, _ := strings.Cut(id, "/")
				list = append(list, map[string]any{"id": id, "type": "coin", "blockchain": chain})
			}
			b, _ := json.Marshal(list)
			return string(b)
		})
	}},
	{Name: "no-assets", What: "an empty list of assets", Check: "assets", Level: Fail, answer: func(a *reply) {
		a.text("/crypto-currencies", func(string) string { return "[]" })
	}},
	{Name: "deaf-tag", What: "an ETag, and no 304 for it", Check: "tag", Level: Note, answer: func(a *reply) {
		a.header.Set("ETag", `"simulated"`)
	}},
	{Name: "plural-path", What: "quotes at /quotes only", Check: "quote-path", Level: Note, question: func(w http.ResponseWriter, r *http.Request, path string) bool {
		if path == "/quote" {
			http.NotFound(w, r)
			return false
		}
		return true
	}, path: func(p string) string {
		if p == "/quotes" {
			return "/quote"
		}
		return p
	}},
	{Name: "no-quotes", What: "neither /quote nor /quotes", Check: "quote-path", Level: Fail, question: func(w http.ResponseWriter, r *http.Request, path string) bool {
		if onQuotes(path) {
			http.NotFound(w, r)
			return false
		}
		return true
	}},
	{Name: "wrong-echo", What: "a quote for another currency", Check: "quote", Level: Fail, answer: quoteEdit(func(v map[string]any) { v["from"] = "JPY" })},
	{Name: "other-amount", What: "a quote for another amount", Check: "quote", Level: Fail, answer: quoteEdit(func(v map[string]any) { v["fiatAmount"] = json.Number("1") })},
	{Name: "nothing", What: "a quote of nothing", Check: "quote", Level: Fail, answer: quoteEdit(func(v map[string]any) { v["cryptoAmount"] = json.Number("0") })},
	{Name: "no-amount", What: "a quote without cryptoAmount", Check: "quote", Level: Fail, answer: quoteEdit(func(v map[string]any) { delete(v, "cryptoAmount") })},
	{Name: "expired", What: "a quote that has run out", Check: "quote", Level: Fail, answer: quoteEdit(func(v map[string]any) { v["expiresAt"] = "2020-01-01T00:00:00Z" })},
	{Name: "sell-expiry", What: "expiresAt with a zone without a colon, as in the contract for sales", Check: "quote", Level: Fail,
		answer: quoteEdit(func(v map[string]any) { v["expiresAt"] = "2122-04-04T09:10:51+0000" })},
	{Name: "truncated", What: "half of a quote", Check: "quote", Level: Fail, answer: func(a *reply) { a.text("/quote", func(s string) string { return s[:len(s)/2] }) }},
	{Name: "twice", What: "cryptoAmount twice in a quote", Check: "quote", Level: Fail, answer: func(a *reply) {
		a.text("/quote", func(s string) string { return strings.Replace(s, "{", `{"cryptoAmount":1,`, 1) })
	}},
	{Name: "html", What: "a quote as text/html", Check: "quote", Level: Fail, answer: func(a *reply) {
		if strings.HasPrefix(a.path, "/quote") {
			a.header.Set("Content-Type", "text/html")
		}
	}},
	{Name: "large", What: "a quote of more than 64 KiB", Check: "quote", Level: Fail, answer: func(a *reply) {
		a.text("/quote", func(s string) string { return s + strings.Repeat(" ", 70_000) })
	}},
	{Name: "drip", What: "a quote in pieces of 8 bytes, one each second", Check: "quote", Level: Fail, answer: func(a *reply) {
		if strings.HasPrefix(a.path, "/quote") && a.status == http.StatusOK {
			a.slow = time.Second
		}
	}},
	{Name: "text-amounts", What: "amounts as texts", Check: "amounts", Level: Note, answer: quoteEdit(func(v map[string]any) {
		v["cryptoAmount"] = string(v["cryptoAmount"].(json.Number))
	})},
	{Name: "exponent", What: "amounts with an exponent", Check: "amounts", Level: Note, answer: quoteEdit(func(v map[string]any) {
		v["cryptoAmount"] = json.Number(string(v["cryptoAmount"].(json.Number)) + "e0")
	})},
	{Name: "precision", What: "more decimals than the asset has", Check: "precision", Level: Note, answer: quoteEdit(func(v map[string]any) {
		v["cryptoAmount"] = json.Number(string(v["cryptoAmount"].(json.Number)) + strings.Repeat("1", 18))
	})},
	{Name: "silent", What: "no optional field in a quote", Check: "extension", Level: Note, answer: quoteEdit(func(v map[string]any) {
		for _, name := range []string{"quoteId", "expiresAt", "feeBreakdown", "kyc", "priceType", "settlementSeconds"} {
			delete(v, name)
		}
	})},
	{Name: "errors-as-200", What: "200 to a wrong question", Check: "errors", Level: Fail, question: func(w http.ResponseWriter, r *http.Request, path string) bool {
		if onQuotes(path) && broken(r.URL.Query()) {
			return refuse(w, http.StatusOK, "application/json", `{"error":"invalid"}`)
		}
		return true
	}},
	{Name: "errors-as-500", What: "500 to a wrong question", Check: "errors", Level: Fail, question: func(w http.ResponseWriter, r *http.Request, path string) bool {
		if onQuotes(path) && broken(r.URL.Query()) {
			return refuse(w, http.StatusInternalServerError, "application/json", `{"code":1,"message":"oops"}`)
		}
		return true
	}},
	{Name: "errors-as-html", What: "a page for a wrong question", Check: "errors", Level: Note, question: func(w http.ResponseWriter, r *http.Request, path string) bool {
		if onQuotes(path) && broken(r.URL.Query()) {
			return refuse(w, http.StatusBadRequest, "text/html", `<h1>Bad Request</h1>`)
		}
		return true
	}},
	{Name: "limits-ignored", What: "quotes below the minimum", Check: "below-minimum", Level: Note, answer: func(a *reply) {
		if onQuotes(a.path) && a.status == http.StatusBadRequest && !broken(a.query) {
			a.status, a.body = http.StatusOK, []byte(`{}`)
			a.header.Set("Content-Type", "application/json")
		}
	}},
	{Name: "no-redirect", What: "/buy instead of /buy-redirect, as before 2025-06", Check: "redirect", Level: Fail, question: func(w http.ResponseWriter, r *http.Request, path string) bool {
		if path == "/buy-redirect" {
			http.NotFound(w, r)
			return false
		}
		return true
	}},
	{Name: "foreign-host", What: "a widget on another host", Check: "redirect", Level: Fail, answer: func(a *reply) {
		a.widget(func(u *url.URL, _ url.Values) { u.Scheme, u.Host = "https", "widget.elsewhere.example" })
	}},
	{Name: "other-address", What: "a widget for another deposit address", Check: "redirect", Level: Fail, answer: func(a *reply) {
		a.widget(func(_ *url.URL, q url.Values) { q.Set("walletAddress", "0x8617E340B3D01FA5F11F306F4090FD50E238070D") })
	}},
	{Name: "other-asset", What: "a widget for another asset", Check: "redirect", Level: Fail, answer: func(a *reply) {
		a.widget(func(_ *url.URL, q url.Values) { q.Set("cryptoCurrency", "dogecoin") })
	}},
	{Name: "brackets", What: "names of the widget's parameters in square brackets, as the contract prints them", Check: "parameters", Level: Fail, answer: func(a *reply) {
		a.widget(func(_ *url.URL, q url.Values) {
			q.Set("[accountAddress]", q.Get("walletAddress"))
			q.Del("walletAddress")
		})
	}},
	{Name: "older-parameters", What: "the older set of the widget's parameters", Check: "parameters", Level: Note, answer: func(a *reply) {
		a.widget(func(_ *url.URL, q url.Values) {
			q.Set("account-address", q.Get("walletAddress"))
			q.Del("walletAddress")
		})
	}},
	{Name: "two-purchases", What: "another purchase under the id of an order", Check: "same-order", Level: Note, answer: func(a *reply) {
		if a.path == "/buy-redirect" && a.status == http.StatusBadRequest {
			a.status, a.body = http.StatusOK, []byte(`{"rampRedirectUrl":"https://widget.example/"}`)
			a.header.Set("Content-Type", "application/json")
		}
	}},
	{Name: "status", What: "status in an order, as in the contract's example", Check: "order", Level: Note, answer: func(a *reply) {
		a.edit("/orders/", func(v map[string]any) {
			v["status"] = strings.ToUpper(v["state"].(string))
			delete(v, "state")
		})
	}},
	{Name: "unknown-state", What: "a state of an order that no table has", Check: "order", Level: Note, answer: func(a *reply) {
		a.edit("/orders/", func(v map[string]any) { v["state"] = "teleporting" })
	}},
	{Name: "states-differ", What: "state and status of an order, which differ", Check: "order", Level: Fail, answer: func(a *reply) {
		a.edit("/orders/", func(v map[string]any) { v["status"] = "FAILED" })
	}},
	{Name: "other-order", What: "an order of another address", Check: "order", Level: Fail, answer: func(a *reply) {
		a.edit("/orders/", func(v map[string]any) { v["userWalletAddress"] = "0x8617E340B3D01FA5F11F306F4090FD50E238070D" })
	}},
}
