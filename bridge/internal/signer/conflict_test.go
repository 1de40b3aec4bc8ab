package signer

import (
	"io"
	"maps"
	"slices"
	"sync"
	"testing"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// atOnce has members submit what they signed in the same moment, each in a channel of their
// own, and returns how they were refused.
func (g *rig) atOnce(by map[string]string) map[string]fault.Code {
	g.t.Helper()
	type ready struct {
		line  *membertest.Line
		token string
	}
	all := map[string]ready{}
	for member, request := range by {
		l := mustConnect(g.t, g, member)
		data, ferr := l.Statement(request, statement.Approve)
		if ferr != nil {
			g.t.Fatal(ferr)
		}
		all[member] = ready{l, l.Sign(data)}
	}
	var mu sync.Mutex
	codes := map[string]fault.Code{}
	var done, begun sync.WaitGroup
	begun.Add(len(all))
	for member, r := range all {
		done.Go(func() {
			begun.Done()
			begun.Wait()
			_, ferr := r.line.Submit(r.token)
			mu.Lock()
			defer mu.Unlock()
			codes[member] = codeOf(ferr)
		})
	}
	done.Wait()
	return codes
}

// verified is the log from its genesis.
func (g *rig) verified() {
	g.t.Helper()
	cfg, signerFile := g.written(g.t)
	if err := VerifyLog(g.t.Context(), cfg, signerFile, Stdio{Out: io.Discard, Err: io.Discard}); err != nil {
		g.t.Error(err)
	}
}

func TestOfTwoConflictingChangesThatAreApprovedInTheSameMomentOneTakesEffect(t *testing.T) {
	t.Parallel()
	g := sandboxed(t)
	for version := 1; version <= 10; version++ {
		one, two := g.changed(officers(version, "alice"), "mem_alice"), g.changed(officers(version, "bob"), "mem_alice")
		codes := g.atOnce(map[string]string{"mem_bob": one, "mem_carol": two})
		states := []string{g.look(one).State, g.look(two).State}
		if !slices.Contains(states, "APPROVED") || !slices.Contains(states, "BLOCKED") {
			t.Fatalf("the two are %v", states)
		}
		for member, id := range map[string]string{"mem_bob": one, "mem_carol": two} {
			want := map[string]fault.Code{"APPROVED": "", "BLOCKED": fault.RequestClosed}[g.look(id).State]
			if codes[member] != want {
				t.Errorf("%s, of %s: %q", member, g.look(id).State, codes[member])
			}
		}
		took := map[string]string{one: "mem_alice", two: "mem_bob"}[[]string{one, two}[slices.Index(states, "APPROVED")]]
		if got, now := g.service.state.Group("grp_officers"); now != version+1 || !slices.Equal(got.Members, []string{took}) {
			t.Fatalf("version %d: %v, want %s", now, got.Members, took)
		}
	}
	g.verified()
}

func TestTwoMembersWhoGiveTheLastApprovalInTheSameMomentApproveOnce(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	for range 10 {
		id := g.request(newRequestID(t)).Request
		g.approves("mem_alice", id)
		codes := g.atOnce(map[string]string{"mem_bob": id, "mem_carol": id})
		if got := slices.Sorted(maps.Values(codes)); !slices.Equal(got, []fault.Code{"", fault.RequestClosed}) {
			t.Errorf("refused: %v", got)
		}
		if want := map[string]int{signedlog.Request: 1, signedlog.Approval: 2, signedlog.Outcome: 1}; !maps.Equal(g.entriesOf(id), want) {
			t.Errorf("the log has %v", g.entriesOf(id))
		}
	}
	g.verified()
}

// TestAMemberWhoIsRemovedInTheMomentInWhichTheyApprove: the approval was before, and is
// what the purchase was approved with, or the member is none any more.
func TestAMemberWhoIsRemovedInTheMomentInWhichTheyApprove(t *testing.T) {
	t.Parallel()
	outcomes := map[string]int{}
	for _, kind := range []string{intent.KindMemberSuspend, intent.KindMemberRevoke} {
		for range 5 {
			g := newRig(t, twoOfThree())
			id := g.request(newRequestID(t)).Request
			g.approves("mem_bob", id)
			removal := g.changed(turns(kind, "alice", 1), "mem_bob")
			codes := g.atOnce(map[string]string{"mem_alice": id, "mem_carol": removal})
			if codes["mem_carol"] != "" {
				t.Fatal(codes)
			}
			r := g.look(id)
			outcomes[r.State]++
			switch counted := slices.ContainsFunc(r.Approvals, func(a wire.SignerApproval) bool { return a.Member == "mem_alice" }); {
			case counted && r.State == "APPROVED" && codes["mem_alice"] == "":
			case !counted && r.State == "PENDING_APPROVAL" && codes["mem_alice"] != "":
				if _, code := membertest.Connect(t, g.call, g.people["mem_alice"], g.enrol.File); code != fault.CertificateBad {
					t.Errorf("who was removed opens a channel: %q", code)
				}
			default:
				t.Errorf("%s, %q: %+v", r.State, codes["mem_alice"], r.Approvals)
			}
			g.verified()
		}
	}
	t.Logf("the approval was first, or the removal: %v", outcomes)
}
