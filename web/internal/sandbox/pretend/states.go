package pretend

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/shared/strictjson"
)

// States in the words of the contract; each provider writes them as it does.
const (
	pending    = "pending"
	processing = "processing"
	completed  = "completed"
)

// forced are the states that an order can be told to be in, beside those:
// PUT /_control/{provider}/orders/{id} with {"state":"on_hold"}.
const forced = "pending processing completed on_hold failed expired refunded"

// document answers with a document that has a tag, or that it did not change.
func document(w http.ResponseWriter, r *http.Request, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		failed(w, http.StatusInternalServerError, "the document cannot be written")
		return
	}
	tag := fmt.Sprintf("\"%x\"", sha256.Sum256(body))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the client may be gone
}

// document is the contract's Order, in the spelling of this provider.
func (p profile) document(o order) map[string]any {
	state, name := o.State, "state"
	if p.exampleNames {
		state, name = strings.ToUpper(state), "status"
	}
	doc := map[string]any{
		"id": o.ID, "timestamp": o.CreatedAt.Format(time.RFC3339Nano), "lastUpdated": o.Updated.Format(time.RFC3339Nano), name: state,
		"fiat":   map[string]any{"amount": json.Number(o.Amount), "currency": o.Fiat},
		"crypto": map[string]any{"amount": json.Number(o.Crypto), "currency": o.Asset}, "paymentMethod": o.Method,
		"userWalletAddress": o.Address, "userCountry": o.Country,
	}
	if o.TxHash != "" {
		doc["transactionHash"] = o.TxHash
	}
	return doc
}

// tell sends a notice about an order, where the provider sends any.
func (s *Server) tell(p profile, o order) {
	if s.cfg.Notify == nil || !p.notices {
		return
	}
	body, err := json.Marshal(map[string]any{"id": fmt.Sprintf("evt_%s_%d", o.Token[:12], o.Events), "order": p.document(o)})
	if err == nil { // of texts and times
		s.cfg.Notify(p.id, body)
	}
}

// order answers how an order is, by the caller's id.
func (s *Server) order(w http.ResponseWriter, r *http.Request, p profile, _ Faults) {
	o, ok := s.orders.named(p.id, r.PathValue("id"))
	if !ok {
		failed(w, http.StatusNotFound, "there is no such order")
		return
	}
	answer(w, p.document(o))
}

// force puts an order in a state, for tests and curl.
func (s *Server) force(p profile) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			State string `json:"state"`
		}
		data, err := io.ReadAll(io.LimitReader(r.Body, 4097))
		if err != nil || r.Header.Get("Origin") != "" || strictjson.Unmarshal(data, &in, 4096) != nil || !contains(strings.Fields(forced), in.State) {
			plain(w, http.StatusBadRequest, `Send the state as JSON, such as {"state":"on_hold"}: one of `+forced+".")
			return
		}
		o, ok := s.orders.named(p.id, r.PathValue("id"))
		if ok {
			o, err = s.orders.now(o.Token, in.State, s.cfg.Now())
		}
		switch {
		case !ok:
			failed(w, http.StatusNotFound, "there is no such order")
		case err != nil:
			failed(w, http.StatusInternalServerError, "the order could not be kept")
		default:
			s.tell(p, o)
			answer(w, p.document(o))
		}
	}
}

// named finds an order by the caller's id.
func (o *orders) named(provider, id string) (order, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, found := range o.byToken {
		if found.Provider == provider && found.ID == id {
			return found, true
		}
	}
	return order{}, false
}

// now puts an order in a state.
func (o *orders) now(token, state string, at time.Time) (order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := o.byToken[token]
	found.enter(state, at)
	return found, o.keep(found)
}

// enter notes a state, later than the one before.
func (o *order) enter(state string, at time.Time) {
	at = at.UTC().Truncate(time.Millisecond)
	if !at.After(o.Updated) {
		at = o.Updated.Add(time.Millisecond)
	}
	o.State, o.Updated, o.Events = state, at, o.Events+1
}
