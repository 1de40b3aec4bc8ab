package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"countersign/shared/wire"
)

// Pauses of reviewers.
const (
	reviewEvery = 2 * time.Second
	reviewAgain = 5 * time.Second // after one that did not answer; twice as long after each other time
	reviewMost  = 5 * time.Minute
)

// Reviewers asks the programs that judge requests.
type Reviewers interface {
	// Ask posts a signed question to an address, and returns the signed answer.
	Ask(ctx context.Context, address, question string) (string, error)
}

// pause is how long a question is not asked again that was not answered.
type pause struct {
	until time.Time
	last  time.Duration
	err   error // why; nil: nothing is wrong, it is only not asked so often
}

// AskReviewers carries what the signer of an entity asks to the reviewers whose addresses
// are known, and what they sign back to the signer. Nothing is done in place of one that does
// not answer, or is not known. It returns what went wrong.
func (g *Gateway) AskReviewers(ctx context.Context, entity string) error {
	v, err := g.vault(entity)
	if err != nil || len(v.Reviewers) == 0 {
		return err
	}
	if mine, _, err := g.lease(ctx, "reviewers of "+entity, nil); err != nil || !mine {
		return err
	}
	waiting, err := v.Signer.Reviews(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	said := make([]error, len(waiting.Reviews))
	now := g.now()
	maps.DeleteFunc(v.paused, func(_ string, p pause) bool { return now.After(p.until.Add(reviewMost)) })
	var mu sync.Mutex // of v.paused
	for i, q := range waiting.Reviews {
		mu.Lock()
		was := v.paused[q.JWS]
		mu.Unlock()
		address, known := v.Reviewers[q.Reviewer]
		if !known {
			said[i] = fmt.Errorf("no address of the reviewer %s is configured", q.Reviewer)
			continue
		}
		if now.Before(was.until) {
			said[i] = was.err
			continue
		}
		wg.Go(func() {
			if said[i] = g.review(ctx, v, address, q); said[i] == nil {
				return
			}
			last := min(max(reviewAgain, 2*was.last), reviewMost)
			mu.Lock()
			v.paused[q.JWS] = pause{g.now().Add(last), last, said[i]}
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(waiting.Reviews) > 0 {
		said = append(said, g.Sync(ctx, entity))
	}
	return errors.Join(said...)
}

// review carries one question and its answer.
func (g *Gateway) review(ctx context.Context, v *vault, address string, q wire.SignerReview) error {
	answer, err := g.cfg.Reviewers.Ask(ctx, address, q.JWS)
	if err == nil {
		_, err = v.Signer.Verdict(ctx, answer)
	}
	if err != nil {
		return fmt.Errorf("%s about %s: %w", q.Reviewer, q.Request, err)
	}
	return nil
}
