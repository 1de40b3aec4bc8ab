package approval

import (
	"context"
	"fmt"

	"countersign/bridge/internal/consent"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/statement"
)

// tell tells the person what became of a signature, whose receipt was read or was not:
// a page says the same.
func (d *Desk) tell(a *approval, r *channel.Receipt, err error) {
	news := news(a, r, err)
	d.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), consent.NewsTime)
		defer cancel()
		d.Asker.Tell(ctx, news)
	})
}

func news(a *approval, r *channel.Receipt, err error) string {
	of := ""
	if a.part != nil {
		of = " for " + a.request
	}
	switch f, _ := fault.As(err); {
	case err == nil:
	case f == nil, unknown[f.Code]:
		return "Signed. Whether the vault recorded it" + of + " is not known: look at the request before you decide again."
	default:
		return "Signed, but the vault did not record it" + of + ": " + f.Message + "."
	}
	switch a.decision {
	case statement.Reject:
		return "Signed. The vault recorded the rejection" + of + "."
	case statement.Initiate:
		return "Signed and sent. The vault recorded that you asked" + of + "."
	}
	return fmt.Sprintf("Signed. The vault recorded %d of %d%s.", len(r.Approvals), r.Needed, of)
}

// unknown are the errors after which the vault may have recorded a signature.
var unknown = map[fault.Code]bool{fault.Cancelled: true, fault.RecordInvalid: true, fault.RecordReplayed: true, fault.ChannelClosed: true,
	fault.Timeout: true, fault.Unavailable: true, fault.Internal: true, fault.TooLarge: true, fault.Invalid: true}

// errLost stands for a receipt that never came.
var errLost = fault.New(fault.Cancelled, "the vault's receipt did not come back")

// tellLost tells of each signature that left the desk, and whose receipt never
// came, that nobody knows whether the vault has it.
func (d *Desk) tellLost() {
	d.mu.Lock()
	var lost []*approval
	for _, a := range d.approvals {
		if a.step == decided {
			lost = append(lost, a)
		}
	}
	d.mu.Unlock()
	for _, a := range lost {
		d.tell(a, nil, errLost)
	}
}
