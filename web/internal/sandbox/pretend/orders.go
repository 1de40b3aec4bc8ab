package pretend

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// order is a purchase that a person was sent to the widget for.
type order struct {
	Token     string    `json:"token"`    // names it in the widget's address; not to be guessed
	Provider  string    `json:"provider"` //
	ID        string    `json:"id"`       // the caller's: ledgerTransactionId
	Fiat      string    `json:"fiat"`
	Amount    string    `json:"amount"`
	Asset     string    `json:"asset"`
	Crypto    string    `json:"crypto"` // as promised
	Address   string    `json:"address"`
	Method    string    `json:"method"`
	Country   string    `json:"country"`
	Return    string    `json:"return,omitempty"`
	Delivered string    `json:"delivered,omitempty"`
	TxHash    string    `json:"tx_hash,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	State     string    `json:"state"`   // in the contract's words
	Updated   time.Time `json:"updated"` // when it got there
	Events    int       `json:"events"`  // how often it changed
}

// same reports whether two orders are for the same purchase.
func (o order) same(other order) bool {
	return o.Fiat == other.Fiat && o.Amount == other.Amount && o.Asset == other.Asset && o.Address == other.Address && o.Method == other.Method
}

// orders keeps the orders of all providers in one file.
type orders struct {
	path string

	mu      sync.Mutex
	byToken map[string]order
}

func openOrders(dir string) (*orders, error) {
	o := &orders{path: filepath.Join(dir, "orders.json"), byToken: map[string]order{}}
	data, err := os.ReadFile(o.path)
	if errors.Is(err, os.ErrNotExist) {
		return o, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &o.byToken)
	}
	if err != nil {
		return nil, fmt.Errorf("read the providers' orders: %w", err)
	}
	return o, nil
}

// place returns the order with this provider and id, which is new, or is the
// one that was placed before; ok is false when that was for something else.
func (o *orders) place(n order) (placed order, ok bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, old := range o.byToken {
		if old.Provider == n.Provider && old.ID == n.ID {
			return old, old.same(n), nil
		}
	}
	n.Token = rand.Text()
	n.enter(pending, n.CreatedAt)
	return n, true, o.keep(n)
}

func (o *orders) get(provider, token string) (order, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found, ok := o.byToken[token]
	return found, ok && found.Provider == provider
}

// pay calls send for an order that has not been delivered, and keeps what it
// says. Two payments of one order wait for each other.
func (o *orders) pay(token string, at time.Time, send func(order) (delivered, tx string, err error)) (order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := o.byToken[token]
	if found.TxHash != "" {
		return found, nil
	}
	var err error
	if found.Delivered, found.TxHash, err = send(found); err != nil {
		return found, err
	}
	found.enter(completed, at)
	return found, o.keep(found)
}

// keep writes all orders to a new file that takes the place of the old one.
func (o *orders) keep(n order) error {
	o.byToken[n.Token] = n
	data, err := json.MarshalIndent(o.byToken, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(o.path+".new", o.path)
}
