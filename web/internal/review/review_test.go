package review

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAQuestionIsPostedAndItsAnswerComesBack(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != ContentType {
			w.WriteHeader(http.StatusBadRequest)
		}
		w.Header().Set("Content-Type", "application/jose; charset=us-ascii")
		_, _ = io.WriteString(w, "about "+string(body)+"\n")
	}))
	t.Cleanup(s.Close)
	if got, err := New(s.Client()).Ask(t.Context(), s.URL, "a.b.c"); err != nil || got != "about a.b.c" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := New(nil).Ask(t.Context(), s.URL, "a.b.c"); err == nil {
		t.Error("a certificate that nobody vouches for was believed")
	}
}

func TestWhatIsNoAnswerIsAnErrorThatDoesNotSayTheAddress(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"an error":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"nothing yet": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) },
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "a.b.c")
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ContentType)
			_, _ = io.WriteString(w, strings.Repeat("a", MaxAnswer+1))
		},
		"half of an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ContentType)
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "a.b.c")
		},
	} {
		s := httptest.NewServer(serve)
		got, err := New(nil).Ask(t.Context(), s.URL+"/review?key=hidden", "a.b.c")
		s.Close()
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nothing tells that the other end is gone
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	if _, err := New(nil).Ask(ctx, silent.URL+"/review?key=hidden", "a.b.c"); err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("silence: %v", err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if _, err := New(nil).Ask(t.Context(), gone.URL+"/review?key=hidden", "a.b.c"); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAReviewerIsReachedByHTTPSOrOnThisComputer(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://chainwatch.example/review": true, "https://chainwatch.example:8443/": true, "http://127.0.0.1:9000/review": true, "http://[::1]:9000": true, "http://localhost": true,
		"http://chainwatch.example": false, "http://127.0.0.1.example": false, "ftp://chainwatch.example": false, "chainwatch.example": false, "": false, "https://": false,
		"https://user:secret@chainwatch.example": false, "https://chainwatch.example#x": false,
	} {
		if err := Check(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
