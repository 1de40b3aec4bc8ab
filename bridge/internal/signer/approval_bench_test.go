package signer

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// voters are the members of a rig, who take turns.
var voters = []string{"mem_alice", "mem_bob", "mem_carol"}

// tokenRig is a rig whose vault is in a SoftHSM token, and whose members are in another.
func tokenRig(b *testing.B) *rig {
	b.Helper()
	vault := softhsm.New(b, softhsm.Spec{Label: "vault"})
	members := softhsm.Spec{Label: "members"}
	people := []*membertest.Member{{ID: "mem_alice", Name: "Alice"}, {ID: "mem_bob", Name: "Bob"}, {ID: "mem_carol", Name: "Carol"}}
	for _, p := range people {
		curve := jws.Secp256k1
		if p.Name == "Bob" {
			curve = jws.P256
		}
		members.Keys = append(members.Keys, softhsm.Key{Label: p.ID + " approval", Curve: curve, Sign: true}, softhsm.Key{Label: p.ID + " channel", Curve: curve, Derive: true})
	}
	token := softhsm.New(b, members)
	pin := filepath.Join(b.TempDir(), "pin")
	if err := os.WriteFile(pin, []byte(vault.PIN), 0o600); err != nil {
		b.Fatal(err)
	}
	v, done, err := openHSM(b.Context(), Config{Module: vault.Module, Token: "pkcs11:token=vault", PINFile: pin}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := done(); err != nil {
			b.Error(err)
		}
	})
	tokens := v.(*hsmVault).devices // a process has one user of the module
	for _, p := range people {
		p.Approval, p.Channel = tokenKey(b, tokens, token, p.ID+"%20approval"), tokenKey(b, tokens, token, p.ID+"%20channel")
	}
	return newRigOn(b, twoOfThree(), v, people...)
}

func tokenKey(b *testing.B, tokens *device.Devices, token *softhsm.Token, label string) *membertest.Key {
	b.Helper()
	t, err := tokens.Device(b.Context(), "pkcs11:token="+token.Label)
	if err != nil {
		b.Fatal(err)
	}
	if t.State(b.Context()).Locked {
		if err := t.Login(b.Context(), []byte(token.PIN), false); err != nil {
			b.Fatal(err)
		}
	}
	k, err := tokens.Key(b.Context(), "pkcs11:token="+token.Label+";object="+label)
	if err != nil {
		b.Fatal(err)
	}
	return &membertest.Key{Key: k}
}

// atOnce is how many approvals are made together.
const atOnce = 16

// BenchmarkApproval measures a full approval and its parts, with the members' keys and
// the vault's in SoftHSM, in turn with one whose keys are all in memory: the channel is
// opened, the statement served, signed, verified and appended to the log. After each
// sixteen that were made one after another, sixteen are made at once. What is reported
// are medians.
func BenchmarkApproval(b *testing.B) {
	g, quick := tokenRig(b), newRig(b, twoOfThree())
	parts, memory := map[string][]float64{}, map[string][]float64{}
	var alone time.Duration
	for n := 1; b.Loop(); n++ {
		member := voters[n%len(voters)]
		took := approveTimed(b, g, member, parts)
		parts["of-memory"] = append(parts["of-memory"], approveTimed(b, quick, member, memory).Seconds()/took.Seconds())
		if alone += took; n%atOnce == 0 {
			together := approveTogether(b, g)
			parts["at-once/s"] = append(parts["at-once/s"], atOnce/together.Seconds())
			parts["ratio-16"] = append(parts["ratio-16"], alone.Seconds()/together.Seconds())
			alone = 0
		}
	}
	for part, all := range parts {
		b.ReportMetric(median(all), part)
	}
	b.ReportMetric(median(memory["approvals/s"]), "memory-approvals/s")
}

// approveTimed has a member approve a request, and adds what each part takes.
func approveTimed(b *testing.B, g *rig, member string, parts map[string][]float64) time.Duration {
	b.Helper()
	g.clock.add(time.Second) // which tells channels that are older
	request := newRequestID(b)
	g.request(request)
	began := time.Now()
	last := began
	lap := func(part string) {
		now := time.Now()
		parts[part] = append(parts[part], now.Sub(last).Seconds()*1e6)
		last = now
	}
	l := mustConnect(b, g, member)
	lap("handshake-µs")
	data, ferr := l.Statement(request, statement.Approve)
	if ferr != nil {
		b.Fatal(ferr)
	}
	lap("statement-µs")
	token := l.Sign(data)
	lap("sign-µs")
	if _, ferr := l.Submit(token); ferr != nil {
		b.Fatal(ferr)
	}
	lap("submit-µs")
	parts["approvals/s"] = append(parts["approvals/s"], 1/last.Sub(began).Seconds())
	return last.Sub(began)
}

// approveTogether has members approve requests at once, each in a channel of its own.
func approveTogether(b *testing.B, g *rig) time.Duration {
	b.Helper()
	g.clock.add(time.Second)
	var requests []string
	for range atOnce {
		requests = append(requests, newRequestID(b))
		g.request(requests[len(requests)-1])
	}
	var all sync.WaitGroup
	began := time.Now()
	for i, request := range requests {
		all.Go(func() {
			if _, _, ferr := mustConnect(b, g, voters[i%len(voters)]).Decide(request, statement.Approve); ferr != nil {
				b.Error(ferr)
			}
		})
	}
	all.Wait()
	return time.Since(began)
}
