// Package backend is the sandbox's dashboard back end: the small server that an
// integrator of Countersign writes for their own dashboard. It holds the API
// key, trades it for an entity token when its own page asks, tells the page
// where things are, and passes everything else to the gateway. Only package
// sandbox uses it.
package backend

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/query"
	"countersign/shared/secret"
)

// Config is what the back end needs.
type Config struct {
	GatewayURL  string
	DeveloperID string   // may be empty
	Entities    []Entity // that its user may act for; the first is the one at the start
	APIKeyFile  string   // read at each use, so that a new key needs no restart
	BridgeURLs  []string
	UserName    string
	Hosts       []string // host:port under which the page may be opened
	Client      *http.Client
	Log         *slog.Logger
}

// Entity is one that somebody may act for.
type Entity struct {
	ID   string `json:"id"`
	Name string `json:"name"` // as the page offers it
}

// New checks the configuration and returns the handler of the dashboard.
func New(cfg Config) (http.Handler, error) {
	gateway, err := url.Parse(cfg.GatewayURL)
	if err != nil || gateway.Host == "" || gateway.Scheme != "http" && gateway.Scheme != "https" {
		return nil, fmt.Errorf("gateway_url %s is not an http address", secret.Host(cfg.GatewayURL))
	}
	if len(cfg.Entities) == 0 {
		return nil, errors.New("entities: the dashboard needs one or more")
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 10 * time.Second}
	}
	b := &backend{cfg: cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session/token", b.token)
	mux.HandleFunc("GET /config.json", b.config)
	for path, method := range map[string]string{"/session/token": http.MethodPost, "/config.json": http.MethodGet} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", method)
			refuse(w, http.StatusMethodNotAllowed, fault.Method, "This address does not know the method: it takes "+method+".")
		})
	}
	for _, rest := range []string{"/session", "/session/"} { // both: the mux would redirect the first to the second
		mux.HandleFunc(rest, func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusNotFound, fault.NotFound, "There is nothing at this address.")
		})
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, // server-sent events go out as they come
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(gateway)
			// ReverseProxy drops what it cannot parse from the query: here the
			// gateway says what it thinks of it, as at its own address.
			r.Out.URL.RawQuery = r.In.URL.RawQuery
			r.SetXForwarded()
			r.Out.Header.Del("Cookie")
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, context.Canceled) {
				cfg.Log.Warn("pass a request to the gateway", "path", r.URL.Path, "error", secret.Redact(err, cfg.GatewayURL))
			}
			refuse(w, http.StatusServiceUnavailable, fault.Unavailable, "The gateway cannot be reached. Try again in a moment.")
		},
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn),
	}
	mux.Handle("/", proxy)
	return b.sameHost(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query.Path(r.URL) != nil { // the mux would redirect; the gateway refuses it
			proxy.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})), nil
}

type backend struct{ cfg Config }

// sameHost refuses names that are not the dashboard's own: a page elsewhere
// that has its name point here (DNS rebinding) is not our page.
func (b *backend) sameHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(b.cfg.Hosts, r.Host) {
			refuse(w, http.StatusForbidden, fault.OriginRefused, "This dashboard is not served under that name.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (b *backend) config(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token_url": "/session/token", "bridge_urls": b.cfg.BridgeURLs, "environment": "sandbox",
		"user": map[string]string{"name": b.cfg.UserName}, "entities": b.cfg.Entities,
	})
}

// token gives the dashboard's own page a token of the entity that it names, or of the
// first. A real dashboard also checks its own session here, and which entities its
// person may act for; the sandbox has one user.
func (b *backend) token(w http.ResponseWriter, r *http.Request) {
	if !ownPage(r) {
		refuse(w, http.StatusForbidden, fault.OriginRefused, "Only the dashboard's own page gets a token.")
		return
	}
	entity := b.cfg.Entities[0].ID
	if named := r.URL.Query()["entity"]; len(named) > 0 {
		entity = named[0]
		if !slices.ContainsFunc(b.cfg.Entities, func(e Entity) bool { return e.ID == entity }) || len(named) > 1 {
			refuse(w, http.StatusForbidden, fault.Forbidden, "You may not act for this entity.")
			return
		}
	}
	status, body, err := b.ask(r.Context(), entity)
	if err != nil {
		b.cfg.Log.Warn("ask the gateway for a token", "error", err)
		refuse(w, http.StatusServiceUnavailable, fault.Unavailable, "The gateway cannot be reached. Try again in a moment.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the page may be gone
}

// ownPage reports whether a request comes from a page of this very origin:
// browsers say so in two headers, and one that says otherwise is enough.
func ownPage(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && origin == "" || site != "" && site != "same-origin" {
		return false
	}
	return origin == "" || origin == "http://"+r.Host || origin == "https://"+r.Host
}

// ask trades the API key for a token. It is a call of this server, not of a
// browser: none of the page's headers are in it.
func (b *backend) ask(ctx context.Context, entity string) (status int, body []byte, err error) {
	key, _, err := secret.Line(b.cfg.APIKeyFile, 512)
	if err != nil {
		return 0, nil, fmt.Errorf("read the API key: %w", err)
	}
	question := map[string]string{"apiKey": string(key), "id": entity, "userType": "entity"}
	if b.cfg.DeveloperID != "" {
		question["developerId"] = b.cfg.DeveloperID
	}
	data, err := json.Marshal(question)
	if err != nil {
		return 0, nil, err
	}
	address := strings.TrimSuffix(b.cfg.GatewayURL, "/") + "/v1/entities/auth/generate-token"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := b.cfg.Client.Do(req)
	if err != nil {
		return 0, nil, secret.Redact(err, b.cfg.GatewayURL)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return res.StatusCode, body, err
}

func refuse(w http.ResponseWriter, status int, code fault.Code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	id := rand.Text()
	w.Header().Set("X-Request-Id", id)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": string(code), "message": message, "request_id": id}})
}
