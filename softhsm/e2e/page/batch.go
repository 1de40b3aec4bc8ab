package page

import (
	"context"
	"fmt"
	"sync"

	"countersign/shared/frame"
)

// DecideAll asks the member to sign decision on several requests, which they read
// as one list, and has the signer record each. The slices are in the order of
// requests; where the error is not nil there is no decision.
func (c *Channel) DecideAll(ctx context.Context, requests []string, decision string) ([]Decision, []error) {
	decisions, errs := make([]Decision, len(requests)), make([]error, len(requests))
	approvals, statements := make([]string, len(requests)), make([]frame.Record, len(requests))
	var ready []string
	for i, request := range requests {
		var prepared frame.ApprovalPrepareResult
		err := c.bridge.Call(ctx, frame.ApprovalPrepare, frame.ApprovalPrepareParams{Channel: c.local, Request: request, Decision: decision}, &prepared)
		if err == nil {
			statements[i], err = c.relay(ctx, prepared.Record)
		}
		if err != nil {
			errs[i] = fmt.Errorf("fetch the statement for %s: %w", request, err)
			continue
		}
		approvals[i] = prepared.Approval
		ready = append(ready, prepared.Approval)
	}
	if err := c.bridge.Call(ctx, frame.ApprovalBatch, frame.ApprovalBatchParams{Approvals: ready}, new(frame.ApprovalBatchResult)); err != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = fmt.Errorf("put the approvals together: %w", err)
			}
		}
		return decisions, errs
	}
	var all sync.WaitGroup
	for i, request := range requests {
		if errs[i] != nil {
			continue
		}
		all.Go(func() { decisions[i], errs[i] = c.settle(ctx, request, approvals[i], statements[i]) })
	}
	all.Wait()
	return decisions, errs
}
