package port

import (
	"time"

	"countersign/shared/frame"
	"countersign/wasm/core"
	"countersign/wasm/internal/bridgeclient"
)

// Bridge is the event of the link to the bridge.
type Bridge struct {
	State      string           `json:"state"` // idle, connecting, pairing, ready, failed
	Problem    string           `json:"problem"`
	Step       string           `json:"step"`
	Route      string           `json:"route"`
	Code       string           `json:"code,omitempty"` // to compare, while pairing
	Name       string           `json:"name,omitempty"`
	Identities []frame.Identity `json:"identities,omitempty"`
	Error      *Problem         `json:"error,omitempty"`
}

// Token is the event of the entity token.
type Token struct {
	Until *time.Time `json:"until,omitempty"`
	Error *Problem   `json:"error,omitempty"`
}

var states = [...]string{"idle", "connecting", "pairing", "ready", "failed"}

// told tells JavaScript what the core tells.
func (p *Port) told(event any) {
	switch e := event.(type) {
	case core.TokenChanged:
		var t Token
		if until := e.Status.Until; !until.IsZero() {
			t.Until = &until
		}
		if e.Status.Err != nil {
			problem := p.problem(e.Status.Err)
			t.Error = &problem
		}
		p.event("token", t)
	case core.BridgeChanged:
		b := Bridge{State: states[e.State], Problem: string(bridgeclient.ProblemOf(e.Err)), Step: string(e.Step), Route: e.Route, Code: e.Code, Name: e.Name, Identities: e.Identities}
		switch bridgeclient.Problem(b.Problem) {
		case bridgeclient.NotAsked, bridgeclient.Stopped, bridgeclient.Closed:
			b.State = states[core.BridgeUnknown] // nothing is wrong
		default:
			if e.Err != nil {
				problem := p.problem(e.Err)
				b.Error = &problem
			}
		}
		p.event("bridge", b)
	case core.DevicesChanged:
		p.event("devices", e.Identities)
	case core.Listening:
		p.event("listening", e.On)
	case core.Changed:
		p.event("change", e.Change)
	}
}

func (p *Port) event(what string, detail any) { p.say("event", encode(what), "detail", encode(detail)) }
