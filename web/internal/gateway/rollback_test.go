package gateway_test

import (
	"database/sql"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	. "countersign/web/internal/gateway/gatewaytest"
)

func TestADatabaseThatIsAnOlderCopyIsReadOnFromThere(t *testing.T) {
	t.Parallel()
	w := New(t)
	r := w.Requested()
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	sync := func() {
		t.Helper()
		if err := w.Gateway.Sync(t.Context(), r.Entity); err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		t.Helper()
		page, err := w.Gateway.LogPage(t.Context(), Caller(), -1, 100, false)
		if err != nil {
			t.Fatal(err)
		}
		return page.Log.Size
	}
	sync()
	before := size()
	db, err := sql.Open("sqlite", w.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DELETE FROM log_lines WHERE seq = (SELECT max(seq) FROM log_lines)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	sync()
	if got := size(); got != before {
		t.Errorf("the gateway's log has %d entries, the signer's %d", got, before)
	}
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	sync()
	if got, err := w.Gateway.Request(t.Context(), Caller(), r.ID); err != nil || got.State != wire.RequestApproved {
		t.Errorf("the request is %s: %v", got.State, err)
	}
}

func TestNothingIsHandedOverWhileTheLogIsInDoubt(t *testing.T) {
	t.Parallel()
	w := New(t)
	r := w.Approved()
	ordered, err := w.Gateway.NewOrder(t.Context(), Caller(), w.Approved().ID)
	if err != nil {
		t.Fatal(err)
	}
	other := w.Requested()
	w.Signer.Decide(other.ID, "mem_alice", statement.Approve)
	w.Signer.Lie = func(all []signedlog.Entry) []signedlog.Entry { return append(all, all[len(all)-1]) } // she approves twice
	Refused(t, w.Gateway.Sync(t.Context(), r.Entity), fault.LogCorrupt)
	_, err = w.Gateway.NewOrder(t.Context(), Caller(), r.ID)
	Refused(t, err, fault.LogCorrupt)
	w.Pass(time.Minute)
	_, err = w.Gateway.NewTicket(t.Context(), Caller(), ordered.ID, wire.TicketInput{})
	Refused(t, err, fault.LogCorrupt)
}
