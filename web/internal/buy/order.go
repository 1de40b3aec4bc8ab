package buy

import (
	"context"
	"net/url"

	"countersign/shared/fault"
	"countersign/web/internal/report"
)

// Order asks a provider how an order is (shared/spec/notices.md). It fails with
// NOT_SUPPORTED when the provider is not configured to be asked, and with
// PROVIDER_UNAVAILABLE, details reason, when it does not say. How it answers here says
// nothing about its quotes: the circuit is left alone.
func (d *Desk) Order(ctx context.Context, id, order string) (report.Report, error) {
	s := d.find(id)
	switch {
	case s == nil:
		return report.Report{}, fault.New(fault.NotSupported, "the provider is not configured any more")
	case s.OrdersPath == "":
		return report.Report{}, fault.New(fault.NotSupported, s.Name+" is not asked about orders")
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return report.Report{}, fault.Wrap(ctx.Err(), fault.Provider, s.Name+" did not answer in time").With("reason", "TIMEOUT")
	}
	data, err := s.client.get(ctx, s.OrdersPath+"/"+url.PathEscape(order), nil, true)
	if err != nil {
		_, code, message, _ := failure(err)
		return report.Report{}, fault.Wrap(err, fault.Provider, s.Name+" "+message).With("reason", code)
	}
	r, err := report.Parse(data, s.Words)
	if err == nil && r.Order != order {
		err = fault.New(fault.Invalid, "the answer is about another order")
	}
	if err != nil {
		return report.Report{}, fault.Wrap(err, fault.Provider, s.Name+" sent an answer that cannot be trusted").With("reason", "MALFORMED_JSON")
	}
	return r, nil
}
