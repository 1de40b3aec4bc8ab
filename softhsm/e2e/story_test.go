package e2e

import (
	"net/http"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/softhsm/e2e/page"
	"countersign/softhsm/e2e/story"
	"countersign/softhsm/e2e/system"
)

// told collects what a story tells, for the log of a test that fails.
type told struct{ testing.TB }

func (w told) Write(b []byte) (int, error) {
	w.Logf("%s", strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

func newStory(t *testing.T, r *rig) *story.Story {
	t.Helper()
	s, err := story.New(r.ctx, r.System, told{t})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAPurchaseWithoutABrowser(t *testing.T) {
	t.Parallel()
	r := start(t)
	if err := newStory(t, r).Play(r.ctx); err != nil {
		t.Fatal(err)
	}
}

// again stops one program, hard or soft, and starts it again.
func (r *rig) again(hard bool, names ...string) {
	r.Helper()
	for _, name := range names {
		if hard {
			r.KillProgram(name)
		} else if err := r.StopProgram(name); err != nil {
			r.Fatal(err)
		}
		if err := r.StartProgram(r.ctx, name); err != nil {
			r.Fatal(err)
		}
	}
}

func TestNothingIsLostWhenProgramsRestartInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, hard := range []bool{false, true} {
		t.Run(map[bool]string{false: "stopped", true: "killed"}[hard], func(t *testing.T) {
			t.Parallel()
			r := start(t)
			s := newStory(t, r)
			best, err := s.Quotes(r.ctx, "250")
			if err != nil {
				t.Fatal(err)
			}
			r.again(hard, "gateway")
			request, err := s.Request(r.ctx, best.ID)
			if err != nil {
				t.Fatal(err)
			}
			r.again(hard, "signer", "gateway", "bridge")
			approve(t, r, s, request.ID, "mem_alice")
			r.again(hard, "bridge", "gateway", "signer")
			approve(t, r, s, request.ID, "mem_bob")
			r.again(hard, "signer", "gateway")
			order, err := s.Order(r.ctx, request.ID)
			if err != nil {
				t.Fatal(err)
			}
			r.again(hard, "gateway", "sandbox")
			if err := s.Pay(r.ctx, order); err != nil {
				t.Fatal(err)
			}
			r.again(hard, "sandbox", "gateway")
			if err := s.Delivery(r.ctx, order.ID); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func approve(t *testing.T, r *rig, s *story.Story, request, member string) {
	t.Helper()
	if err := decide(t, r, s, request, member, "APPROVE"); err != nil {
		t.Fatal(err)
	}
}

func decide(t *testing.T, r *rig, s *story.Story, request, member, decision string) error {
	t.Helper()
	bridge, err := s.Connect(r.ctx)
	if err != nil {
		return err
	}
	defer bridge.Close()
	channel, err := page.OpenChannel(r.ctx, bridge, s.Gateway, s.Vault.Entity, member)
	if err != nil {
		return err
	}
	_, err = channel.Decide(r.ctx, request, decision)
	return err
}

func TestEveryRefusalIsANormalOutcome(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	best, err := s.Quotes(r.ctx, "250")
	if err != nil {
		t.Fatal(err)
	}
	request, err := s.Request(r.ctx, best.ID)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, member string, a system.Answers, want fault.Code) {
		t.Helper()
		r.answer(a)
		if err := decide(t, r, s, request.ID, member, "APPROVE"); fault.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		var now wire.Request
		if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+request.ID, nil, &now); err != nil {
			t.Fatal(err)
		}
		if now.State != wire.RequestPending || now.Approved != 0 {
			t.Errorf("%s: the request is %s with %d approvals", name, now.State, now.Approved)
		}
	}
	refused("pairing refused", "mem_alice", system.Answers{Pairing: []string{"decline"}}, fault.PairingRefused)
	refused("declined in the prompt", "mem_alice", system.Answers{Confirm: []string{"decline"}}, fault.Declined)
	refused("wrong PIN three times", "mem_bob", system.Answers{PINs: map[string][]string{"bob": {"0000", "1111", "2222"}}}, fault.PINIncorrect)
	refused("no PIN", "mem_bob", system.Answers{PINs: map[string][]string{"bob": {"decline"}}}, fault.Declined)
	if err := r.State.Approvers.Pull("carol"); err != nil {
		t.Fatal(err)
	}
	err = decide(t, r, s, request.ID, "mem_carol", "APPROVE")
	if code := fault.CodeOf(err); code != fault.DeviceMissing && code != fault.DeviceRemoved {
		t.Errorf("a pulled token: %v", err)
	}
	if err := r.State.Approvers.Insert("carol"); err != nil {
		t.Fatal(err)
	}
	if err := r.StopProgram("bridge"); err != nil {
		t.Fatal(err)
	}
	refused("bridge not running", "mem_alice", system.Answers{}, fault.Unavailable)
	if err := r.StartProgram(r.ctx, "bridge"); err != nil {
		t.Fatal(err)
	}
	if err := r.StopProgram("signer"); err != nil {
		t.Fatal(err)
	}
	refused("signer not running", "mem_alice", system.Answers{}, fault.SignerDown)
	if err := r.StartProgram(r.ctx, "signer"); err != nil {
		t.Fatal(err)
	}
	control(t, r, "northpay", `{"down":true}`)
	if _, err := s.Quotes(r.ctx, "250"); err != nil {
		t.Errorf("one provider down: %v", err)
	}

	// After all of it the request goes its way, to a signed rejection.
	r.answer(system.Answers{})
	approve(t, r, s, request.ID, "mem_carol")
	if err := decide(t, r, s, request.ID, "mem_alice", "REJECT"); err != nil {
		t.Fatal(err)
	}
	if err := decide(t, r, s, request.ID, "mem_bob", "APPROVE"); fault.CodeOf(err) != fault.RequestClosed {
		t.Errorf("approve a rejected request: %v, want REQUEST_CLOSED", err)
	}
	if _, err := s.Order(r.ctx, request.ID); err == nil {
		t.Error("a rejected request was ordered")
	}
}
