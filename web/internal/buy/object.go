package buy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"countersign/shared/amount"
	"countersign/shared/quote"
	"countersign/shared/strictjson"
)

// maxBody is how long an answer of a provider may be.
const maxBody = 64 << 10

// invalidAnswer is an answer that cannot be used, or an item of one; its code is
// one of the validation codes of package quote. why is safe to show.
type invalidAnswer struct{ code, why string }

func (e *invalidAnswer) Error() string { return e.code + ": " + e.why }

func reject(code, format string, args ...any) error {
	return &invalidAnswer{code, fmt.Sprintf(format, args...)}
}

// object is a JSON object of a provider. Unknown fields are
// allowed, as the contract has extensions; duplicates are not.
type object map[string]json.RawMessage

// readObject reads an object that is right in all its depth.
func readObject(data []byte, what string) (object, error) {
	var o object
	if err := strictjson.Unmarshal(data, &o, maxBody); err != nil || o == nil {
		return nil, reject(quote.MalformedJSON, "%s is not a JSON object", what)
	}
	return o, nil
}

// readTop reads an object whose own names are right, and leaves what is inside
// its values to whoever reads them: a document with one bad item is still one.
func readTop(data []byte, what string) (object, error) {
	bad := reject(quote.MalformedJSON, "%s is not a JSON object", what)
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') || len(data) > maxBody || !utf8.Valid(data) {
		return nil, bad
	}
	o := object{}
	for dec.More() {
		name, err := dec.Token()
		key, ok := name.(string)
		if _, twice := o[key]; err != nil || !ok || twice {
			return nil, bad
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return nil, bad
		}
		o[key] = raw
	}
	if _, err := dec.Token(); err != nil || !json.Valid(data) { // trailing data
		return nil, bad
	}
	return o, nil
}

// has reports whether a field is there. null says that it is not.
func (o object) has(name string) bool {
	raw, ok := o[name]
	return ok && string(raw) != "null"
}

func (o object) text(name string) (string, error) {
	if !o.has(name) {
		return "", reject(quote.MissingField, "%s is missing", name)
	}
	var s string
	if err := json.Unmarshal(o[name], &s); err != nil || s == "" || len(s) > 256 {
		return "", reject(quote.MalformedJSON, "%s is not a text", name)
	}
	return s, nil
}

// number accepts a JSON number and, as some providers send amounts that way, a
// text that holds one.
func (o object) number(name string) (amount.Amount, error) {
	if !o.has(name) {
		return amount.Amount{}, reject(quote.MissingField, "%s is missing", name)
	}
	s := string(o[name])
	if strings.HasPrefix(s, `"`) {
		if err := json.Unmarshal(o[name], &s); err != nil {
			return amount.Amount{}, reject(quote.MalformedJSON, "%s is not a number", name)
		}
	}
	a, err := amount.ParseNumber(s)
	if err != nil {
		return amount.Amount{}, reject(quote.MalformedJSON, "%s is not a number", name)
	}
	return a, nil
}

// list reads the items of a list as they are. It reports false when there is no
// such field.
func (o object) list(name string) ([]json.RawMessage, bool, error) {
	if !o.has(name) {
		return nil, false, nil
	}
	var l []json.RawMessage
	if json.Unmarshal(o[name], &l) != nil {
		return nil, true, reject(quote.MalformedJSON, "%s is not a list", name)
	}
	return l, true, nil
}
