package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"countersign/shared/fault"
)

// forms are the addresses that take a form, too: clients of RFC 7662 and RFC 7009 send it.
var forms = map[string]bool{"POST /v1/auth/introspect": true, "POST /v1/auth/revoke": true}

func (a *api) readBody(rt route, q *question) error {
	empty := fault.New(fault.Invalid, "the body is empty: this address takes a JSON object")
	if q.r.ContentLength == 0 {
		return empty
	}
	kind, params, err := mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	form := kind == "application/x-www-form-urlencoded" && forms[rt.pattern]
	if err != nil || !form && kind != "application/json" || charset != "" && charset != "utf-8" {
		return fault.New(fault.MediaType, "the body must be application/json")
	}
	if q.r.Header.Get("Content-Encoding") != "" {
		return fault.New(fault.MediaType, "the body must not be compressed")
	}
	q.body, err = io.ReadAll(http.MaxBytesReader(q.w, q.r.Body, int64(rt.limit)))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return fault.New(fault.TooLarge, fmt.Sprintf("the body is larger than %d bytes", rt.limit))
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the body could not be read")
	}
	if len(bytes.TrimSpace(q.body)) == 0 {
		return empty
	}
	if form {
		q.body, err = asJSON(q.body)
	}
	return err
}

// asJSON is a form as an object with the same fields.
func asJSON(form []byte) ([]byte, error) {
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the body is not a form")
	}
	fields := map[string]string{}
	for name, all := range values {
		if len(all) > 1 {
			return nil, fault.New(fault.Invalid, "a field of the form is given twice").With("field", name)
		}
		fields[name] = all[0]
	}
	return json.Marshal(fields)
}
