package membertest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// Call is one HTTP call to a signer, or to a gateway that relays it. It returns the error
// code of the answer, or "" and the answer in out.
type Call func(method, path string, in, out any) fault.Code

// Handler calls a signer that no socket is open to.
func Handler(t testing.TB, h http.Handler) Call {
	return func(method, path string, in, out any) fault.Code {
		t.Helper()
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		return Raw(t, h, method, path, body, out)
	}
}

// Raw is a call with any body.
func Raw(t testing.TB, h http.Handler, method, path string, body []byte, out any) fault.Code {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(body)))
	return Answer(t, w.Code, w.Body.Bytes(), out)
}

// Answer reads an answer into out, unless that is nil, or returns its error code.
func Answer(t testing.TB, status int, data []byte, out any) fault.Code {
	t.Helper()
	if status != http.StatusOK {
		var e struct {
			Error struct {
				Code    fault.Code        `json:"code"`
				Message string            `json:"message"`
				Details map[string]string `json:"details"`
			} `json:"error"`
		}
		if err := strictjson.Unmarshal(data, &e, 1<<20); err != nil || !fault.Known(e.Error.Code) || e.Error.Message == "" {
			t.Fatalf("status %d with body %s", status, data)
		}
		return e.Error.Code
	}
	if out == nil {
		return ""
	}
	if err := strictjson.Unmarshal(data, out, 1<<20); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return ""
}
