package core

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/wasm/internal/gatewayclient"
)

// The time limits of calls to the gateway.
const (
	callTime   = 20 * time.Second
	streamTime = 30 * time.Second
)

// Get asks the gateway for path, which begins with /v1/, and reads the answer as T.
func Get[T any](ctx context.Context, c *Core, path string) (T, error) {
	ctx, cancel := c.limit(ctx, callTime)
	defer cancel()
	var v T
	err := c.gateway.Get(ctx, path, &v)
	return v, err
}

// Post hands in to the gateway and reads its answer into out. The same key does the
// same thing once; empty for a fresh one.
func (c *Core) Post(ctx context.Context, path, key string, in, out any) error {
	ctx, cancel := c.limit(ctx, callTime)
	defer cancel()
	return c.gateway.Post(ctx, path, key, in, out)
}

// limit ends with ctx, with the core, and after d.
func (c *Core) limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	stop := context.AfterFunc(c.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// NewKey makes an Idempotency-Key.
func (c *Core) NewKey() (string, error) { return c.gateway.Key() }

// MeasureClock compares the server's clock with this computer's and tells subscribers:
// the middle of the round trip is when the server looked.
func (c *Core) MeasureClock() {
	asked := c.cfg.Now()
	clock, err := Get[wire.Clock](c.ctx, c, "/v1/clock")
	answered := c.cfg.Now()
	if err == nil && answered.Sub(asked) < 5*time.Second {
		c.tell(ClockSet{Skew: clock.Now.Sub(asked.Add(answered.Sub(asked) / 2))})
	}
}

// Offer is what one provider answered: a row, or why there is none.
type Offer struct {
	Row *quote.Row
	Out *quote.Excluded
}

// Quotes asks for prices and calls each as they come. It returns all of them in the
// order of the gateway.
func (c *Core) Quotes(ctx context.Context, in quote.Input, account string, each func(Offer)) (*quote.Result, error) {
	ctx, cancel := c.limit(ctx, streamTime)
	defer cancel()
	q := "/v1/quotes?from=" + Escape(in.From) + "&to=" + Escape(in.To) + "&amount=" + Escape(in.Amount) +
		"&payment-method=" + Escape(in.PaymentMethod) + "&country=" + Escape(in.Country) + "&account=" + Escape(account)
	var result *quote.Result
	err := c.gateway.Stream(ctx, q, func(e gatewayclient.Event) error {
		switch e.Name {
		case wire.EventQuote:
			var row quote.Row
			if err := strictjson.Unmarshal(e.Data, &row, gatewayclient.MaxEvent); err != nil {
				return err
			}
			each(Offer{Row: &row})
		case wire.EventExcluded:
			var out quote.Excluded
			if err := strictjson.Unmarshal(e.Data, &out, gatewayclient.MaxEvent); err != nil {
				return err
			}
			each(Offer{Out: &out})
		case wire.EventDone:
			var done wire.Quotes
			if err := strictjson.Unmarshal(e.Data, &done, gatewayclient.MaxEvent); err != nil {
				return err
			}
			result = &done.Result
		case wire.EventError:
			var p wire.Problem
			if err := strictjson.Unmarshal(e.Data, &p, gatewayclient.MaxEvent); err != nil {
				return err
			}
			return p.Fault()
		}
		return nil
	})
	if err == nil && result == nil {
		err = fault.New(fault.Unavailable, "the stream of prices broke off")
	}
	return result, err
}

// Escape writes a value of a query (RFC 3986 §2.3).
func Escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// records carries the channel's records to the signer, for the relay.
type records struct{ gateway *gatewayclient.Client }

// OpenChannel is POST /v1/channels.
func (r records) OpenChannel(ctx context.Context, record []byte) (string, []byte, error) {
	var out wire.Channel
	if err := r.gateway.Post(ctx, "/v1/channels", "", wire.RecordInput{Record: base64.RawURLEncoding.EncodeToString(record)}, &out); err != nil {
		return "", nil, err
	}
	if !id.Is(id.Channel, out.Channel) {
		return "", nil, fault.New(fault.Internal, "the gateway gave the channel no name")
	}
	answer, err := unrecord(out.Record)
	return out.Channel, answer, err
}

// SendRecord is POST /v1/channels/{id}/records.
func (r records) SendRecord(ctx context.Context, channel string, record []byte) ([]byte, error) {
	var out wire.Record
	if err := r.gateway.Post(ctx, "/v1/channels/"+channel+"/records", "", wire.RecordInput{Record: base64.RawURLEncoding.EncodeToString(record)}, &out); err != nil {
		return nil, err
	}
	return unrecord(out.Record)
}

func unrecord(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil, fault.New(fault.RecordInvalid, "the gateway sent a record that is not base64url")
	}
	return b, nil
}
