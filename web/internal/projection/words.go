package projection

import (
	"strings"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// Say is what an entry of the log is, in words. It was verified when it was stored.
func Say(tx store.Tx, entity, line string) (*wire.SaidEntry, error) {
	payload, err := jws.Payload(line)
	if err != nil {
		return nil, err
	}
	e, err := signedlog.Decode(payload)
	if err != nil {
		return nil, err
	}
	out := &wire.SaidEntry{At: time.Unix(e.At, 0).UTC(), Type: e.Type}
	switch e.Type {
	case signedlog.Genesis:
		out.Text = "The vault begins"
		return out, nil
	case signedlog.Clock:
		out.Text = "The operator confirmed the time"
		return out, nil
	case signedlog.Sweeping:
		out.Text = "A deposit is about to be swept to the account's own address"
		return out, nil
	case signedlog.Swept:
		out.Text = "The sweep of a deposit was signed"
		return out, nil
	case signedlog.Checkpoint:
		out.Text = "Checkpoint: what the vault's state is"
		return out, nil
	}
	if out.Request, err = e.Concerns(); err != nil {
		return nil, err
	}
	what := "it"
	if r, err := tx.Request(entity, out.Request); err == nil {
		if wants, err := intent.Open(intent.Doc(r.Intent)); err == nil {
			what = wants.Title()
		}
	}
	out.Text, err = told(e)
	out.Text += ": " + what
	return out, err
}

// told is what happened to a request with an entry.
func told(e signedlog.Entry) (string, error) {
	switch e.Type {
	case signedlog.Request:
		return "Asked for", nil
	case signedlog.Signing:
		return "About to be signed for the chain", nil
	case signedlog.Signed:
		return "Signed for the chain", nil
	case signedlog.SigningMessage:
		return "About to be signed by the account", nil
	case signedlog.SignedMessage:
		return "Signed by the account", nil
	case signedlog.Governed:
		return "The vault changed, and another rule governs", nil
	case signedlog.Outcome:
		var b signedlog.OutcomeBody
		err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody)
		return "Closed as " + strings.ToLower(b.State), err
	}
	var b signedlog.DecisionBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		return "", err
	}
	payload, err := jws.Payload(b.JWS)
	if err != nil {
		return "", err
	}
	if e.Type == signedlog.Verdict {
		v, err := statement.Decode[statement.Verdict](payload)
		verb := map[governance.Verdict]string{
			governance.Approves: "approved", governance.Rejects: "rejected", governance.Defer: "left to members", governance.Retries: "wants to be asked again about",
		}[v.Verdict]
		return "The program " + v.Reviewer + " " + verb, err
	}
	d, err := statement.DecodeDecision(payload)
	if err != nil {
		return "", err
	}
	verb := map[string]string{statement.Approve: "approved", statement.Reject: "rejected", statement.Initiate: "signed and sent"}[d.Decision]
	return name.Within(d.MemberName) + " " + verb, nil
}
