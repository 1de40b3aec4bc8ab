package store_test

import (
	"reflect"
	"testing"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/store"
)

func TestWhatWasKeptOfASendingIsTakenUpWhereItFitsTheLog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)
	signed := []store.Attempt{{Hash: "0x01"}, {Hash: "0x02"}}
	mined := func(hash string, failed bool) *store.Mined { return &store.Mined{Hash: hash, Block: 7, Failed: failed} }
	said := func(change func(*store.Sending)) store.Sending {
		s := store.Sending{Request: "req_a", Entity: "ent_a", State: store.SendingSigned, Attempts: signed, Updated: at}
		change(&s)
		return s
	}
	log := said(func(*store.Sending) {})
	open := said(func(s *store.Sending) { s.State, s.Attempts = store.SendingApproved, nil })
	left := said(func(s *store.Sending) { s.Left = true })
	lapsed := said(func(s *store.Sending) {
		s.State, s.Attempts, s.Left, s.Reason = store.SendingLapsed, nil, true, "the vault's keys were rotated"
	})
	for name, c := range map[string]struct {
		log  store.Sending
		kept func(*store.Sending) // of the log's
		fits bool
		left bool // afterwards
	}{
		"a node has it": {log, func(s *store.Sending) { s.State, s.Tried = store.SendingSubmitted, at }, true, false},
		"a node has an attempt before the newest": {log, func(s *store.Sending) { s.State, s.Attempts = store.SendingSubmitted, signed[:1] }, false, false},
		"an attempt is another one":               {log, func(s *store.Sending) { s.Attempts = []store.Attempt{{Hash: "0x01"}, {Hash: "0x03"}} }, false, false},
		"the next is about to be signed":          {said(func(s *store.Sending) { s.Attempts = append(s.Attempts[:2:2], store.Attempt{}) }), func(s *store.Sending) { s.Attempts, s.State = signed, store.SendingSubmitted }, true, false},
		"it is in a block":                        {log, func(s *store.Sending) { s.State, s.Mined = store.SendingIncluded, mined("0x01", true) }, true, false},
		"an attempt before the newest is in a block": {log, func(s *store.Sending) {
			s.State, s.Mined, s.Attempts = store.SendingConfirmed, mined("0x01", false), signed[:1]
		}, true, false},
		"what was never signed is in a block":       {log, func(s *store.Sending) { s.State, s.Mined = store.SendingConfirmed, mined("0x03", false) }, false, false},
		"it is confirmed and in no block":           {log, func(s *store.Sending) { s.State = store.SendingConfirmed }, false, false},
		"it is confirmed and was not carried out":   {log, func(s *store.Sending) { s.State, s.Mined = store.SendingConfirmed, mined("0x02", true) }, false, false},
		"it was not carried out":                    {log, func(s *store.Sending) { s.State, s.Mined = store.SendingFailed, mined("0x02", true) }, true, false},
		"it was replaced":                           {log, func(s *store.Sending) { s.State, s.ReplacedBy = store.SendingReplaced, "req_b" }, true, false},
		"it was replaced by nothing":                {log, func(s *store.Sending) { s.State = store.SendingReplaced }, false, false},
		"nothing of it is signed":                   {open, func(s *store.Sending) { s.Reason = "the chain takes more" }, true, false},
		"it is approved and signed":                 {log, func(s *store.Sending) { s.State = store.SendingApproved }, false, false},
		"it is signed, and nothing was":             {open, func(s *store.Sending) { s.State = store.SendingSigned }, false, false},
		"its approval ended":                        {open, func(s *store.Sending) { s.State = store.SendingLapsed }, true, false},
		"its approval ended after it was signed":    {log, func(s *store.Sending) { s.State = store.SendingLapsed }, false, false},
		"it was final before the keys were rotated": {left, func(s *store.Sending) { s.State, s.Mined, s.Left = store.SendingConfirmed, mined("0x02", false), false }, true, false},
		"it was open when the keys were rotated":    {left, func(s *store.Sending) { s.State, s.Left = store.SendingSubmitted, false }, true, true},
		"the old address has not enough for it":     {left, func(s *store.Sending) { s.State = store.SendingLapsed }, true, true},
		"it was open before the keys were rotated":  {lapsed, func(s *store.Sending) { s.State, s.Left, s.Reason = store.SendingApproved, false, "" }, false, true},
		"its approval ended before the rotation":    {lapsed, func(s *store.Sending) { s.Left, s.Reason = false, "" }, true, false},
		"nothing was kept":                          {log, func(s *store.Sending) { *s = store.Sending{} }, false, false},
	} {
		kept := c.log
		kept.Updated = at.Add(time.Hour)
		c.kept(&kept)
		want := c.log
		if c.fits {
			want.State, want.Mined, want.ReplacedBy, want.Reason, want.Tried, want.Updated = kept.State, kept.Mined, kept.ReplacedBy, kept.Reason, kept.Tried, kept.Updated
		}
		want.Left = c.left
		got, fits := c.log.Resume(kept)
		if fits != c.fits || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %+v, want %+v", name, fits, got, want)
		}
		if again, fits := got.Resume(kept); fits != c.fits || !reflect.DeepEqual(again, got) {
			t.Errorf("%s, again: %v, %+v", name, fits, again)
		}
	}
}

func TestARequestEndsAsItsSendingDoes(t *testing.T) {
	t.Parallel()
	transfer := store.Sending{Request: "req_a", Entity: "ent_a", State: store.SendingReplaced, ReplacedBy: "req_b"}
	by := func(state, replaces string, cancels bool) store.Sending {
		return store.Sending{Request: "req_b", Entity: "ent_a", State: state, Replaces: replaces, Cancels: cancels}
	}
	for _, c := range []struct {
		state  string
		winner store.Sending
		want   string
	}{
		{store.SendingApproved, store.Sending{}, ""},
		{store.SendingIncluded, store.Sending{}, ""},
		{store.SendingLapsed, store.Sending{}, ""},
		{store.SendingConfirmed, store.Sending{}, wire.RequestCompleted},
		{store.SendingFailed, store.Sending{}, wire.RequestFailed},
		{store.SendingReplaced, by(store.SendingConfirmed, "req_a", false), wire.RequestCompleted},
		{store.SendingReplaced, by(store.SendingFailed, "req_a", false), wire.RequestFailed},
		{store.SendingReplaced, by(store.SendingConfirmed, "req_a", true), wire.RequestCancelled},
		{store.SendingReplaced, by(store.SendingConfirmed, "", false), wire.RequestCancelled},
	} {
		transfer.State = c.state
		if got := transfer.Ends(c.winner); got != c.want {
			t.Errorf("%s, by %+v: %q, want %q", c.state, c.winner, got, c.want)
		}
	}
	transfer.State = store.SendingReplaced
	for want, winner := range map[bool]store.Sending{true: by(store.SendingConfirmed, "req_a", true), false: by(store.SendingSubmitted, "req_a", true)} {
		if winner.Beat(transfer) != want {
			t.Errorf("%+v, want %v", winner, want)
		}
	}
	if other := by(store.SendingConfirmed, "req_c", true); other.Beat(transfer) {
		t.Error("what replaces another transfer took its place")
	}
}
