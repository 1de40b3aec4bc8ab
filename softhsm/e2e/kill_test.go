package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/softhsm/e2e/story"
	"countersign/softhsm/e2e/system"
)

// killing is a story in which the bridge is killed, over and over.
type killing struct {
	*rig
	story   *story.Story
	request string          // that alice approves next
	replied map[string]bool // requests for which the page has a sealed signature
}

func (k *killing) journalPath() string { return filepath.Join(k.State.Dir, "bridge", "journal.log") }

// newRequest asks for a purchase that nobody has approved yet.
func (k *killing) newRequest() {
	k.Helper()
	best, err := k.story.Quotes(k.ctx, "250")
	if err != nil {
		k.Fatal(err)
	}
	r, err := k.story.Request(k.ctx, best.ID)
	if err != nil {
		k.Fatal(err)
	}
	k.request = r.ID
}

// carried is the body of a record on its way through the gateway.
type carried struct {
	Channel string       `json:"channel,omitempty"`
	Record  frame.Record `json:"record"`
}

// approve plays alice's approval step by step and calls at after each. What the
// page has in hands when the bridge is gone, it still takes to the signer.
func (k *killing) approve(at func(step string)) error {
	b, err := k.story.Connect(k.ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	at("the link is up")
	var opened frame.ChannelOpenResult
	if err := b.Call(k.ctx, frame.ChannelOpen, frame.ChannelOpenParams{Entity: system.Entity, Member: "mem_alice"}, &opened); err != nil {
		return err
	}
	at("the channel was begun")
	var second, answer carried
	if err := k.story.Gateway.Do(k.ctx, http.MethodPost, "/v1/channels", carried{Record: opened.Record}, &second); err != nil {
		return err
	}
	relay := func(r frame.Record) error {
		return k.story.Gateway.Do(k.ctx, http.MethodPost, "/v1/channels/"+second.Channel+"/records", carried{Record: r}, &answer)
	}
	var accepted frame.ChannelAcceptResult
	if err := b.Call(k.ctx, frame.ChannelAccept, frame.ChannelAcceptParams{Channel: opened.Channel, Record: second.Record}, &accepted); err != nil {
		return err
	}
	at("the PIN was entered")
	if err := relay(accepted.Record); err != nil {
		return err
	}
	if err := b.Call(k.ctx, frame.ChannelReady, frame.ChannelReadyParams{Channel: opened.Channel, Record: answer.Record}, &frame.ChannelReadyResult{}); err != nil {
		return err
	}
	at("the channel is open")
	var prepared frame.ApprovalPrepareResult
	if err := b.Call(k.ctx, frame.ApprovalPrepare, frame.ApprovalPrepareParams{Channel: opened.Channel, Request: k.request, Decision: "APPROVE"}, &prepared); err != nil {
		return err
	}
	at("the question is sealed")
	if err := relay(prepared.Record); err != nil {
		return err
	}
	var decided frame.ApprovalDecideResult
	if err := b.Call(k.ctx, frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: prepared.Approval, Record: answer.Record}, &decided); err != nil {
		return err
	}
	k.replied[k.request] = true
	at("the page has the signature")
	if err := relay(decided.Record); err != nil {
		return err
	}
	at("the signer has the signature")
	if err := b.Call(k.ctx, frame.ApprovalFinish, frame.ApprovalFinishParams{Approval: prepared.Approval, Record: answer.Record}, &frame.ApprovalFinishResult{}); err != nil {
		return err
	}
	at("it is over")
	return nil
}

// grows calls do as soon as what is appended to a file from now on contains want.
// wait returns when do has.
func (k *killing) grows(path, want string, do func()) (wait func()) {
	k.Helper()
	before, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		k.Fatal(err)
	}
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		k.Fatal(err)
	}
	if _, err := unix.InotifyAddWatch(watch, filepath.Dir(path), unix.IN_MODIFY|unix.IN_CREATE); err != nil {
		k.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer unix.Close(watch)
		var events [4096]byte
		for k.ctx.Err() == nil {
			now, _ := os.ReadFile(path) // it may not be there yet
			if len(now) > len(before) && bytes.Contains(now[len(before):], []byte(want)) {
				do()
				return
			}
			if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(watch), Events: unix.POLLIN}}, 50); n > 0 {
				_, _ = unix.Read(watch, events[:])
			}
		}
	}()
	return func() { <-done }
}

// entry is what this test reads of a line of the journal.
type entry struct{ Event, Request, Decision, Digest, Member string }

// restart starts the bridge again.
func (k *killing) restart() {
	k.Helper()
	if err := k.StartProgram(k.ctx, "bridge"); err != nil {
		k.Fatal(err)
	}
	k.account()
}

// account holds everything that was signed against the bridge's journal.
func (k *killing) account() {
	k.Helper()
	cmd := exec.CommandContext(k.ctx, filepath.Join(k.bin(), "countersign-bridge"), "journal", "verify", "--config="+filepath.Join(k.State.Dir, "config", "bridge.json"))
	if out, err := cmd.CombinedOutput(); err != nil {
		k.Fatalf("the journal: %v\n%s", err, out)
	}
	approved, signed := k.readJournal()
	for request := range k.replied {
		if !signed[request] {
			k.Errorf("the page has a signature for %s, and the journal has none", request)
		}
	}
	for digest, request := range k.signatures() {
		if !approved[digest] || !signed[digest] {
			k.Errorf("the signer has a signature for %s, digest %s, that is not in the journal: approved %v, signed %v", request, digest, approved[digest], signed[digest])
		}
		var now wire.Request
		if err := k.story.Gateway.Do(k.ctx, http.MethodGet, "/v1/requests/"+request, nil, &now); err != nil {
			k.Fatal(err)
		}
		if now.Approved != 1 {
			k.Errorf("the gateway counts %d approvals of %s, the signer one", now.Approved, request)
		}
	}
}

// readJournal returns what was approved and signed, by digest and by request.
// Nothing is signed that was not approved first.
func (k *killing) readJournal() (approved, signed map[string]bool) {
	k.Helper()
	approved, signed = map[string]bool{}, map[string]bool{}
	data, err := os.ReadFile(k.journalPath())
	if err != nil {
		k.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			k.Fatal(err)
		}
		switch e.Event {
		case "approved":
			approved[e.Digest], approved[e.Request] = true, true
		case "signed":
			if !approved[e.Digest] {
				k.Errorf("%s was signed and not approved before", e.Digest)
			}
			signed[e.Digest], signed[e.Request] = true, true
		}
	}
	return approved, signed
}

var signature = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

// signatures are alice's approvals in the signer's log: the requests by the
// digest of what was signed.
func (k *killing) signatures() map[string]string {
	k.Helper()
	log, err := os.ReadFile(filepath.Join(k.State.Dir, "vault", "log-000000000000.jws"))
	if err != nil {
		k.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(log)) {
		body, err := jws.Payload(strings.TrimSpace(line))
		if err != nil {
			k.Fatal(err)
		}
		for _, inner := range signature.FindAllString(string(body), -1) {
			head, _, _ := strings.Cut(inner, ".")
			if header, err := base64.RawURLEncoding.DecodeString(head); err != nil || !strings.Contains(string(header), statement.TypApproval) {
				continue
			}
			payload, err := jws.Payload(inner)
			if err != nil {
				k.Fatal(err)
			}
			a, err := statement.Decode[statement.Approval](payload)
			if err != nil {
				k.Fatal(err)
			}
			sum := sha256.Sum256(payload)
			found[hex.EncodeToString(sum[:])] = a.Request
		}
	}
	return found
}

// bin is where the programs are.
func (k *killing) bin() string {
	bin, err := programs()
	if err != nil {
		k.Fatal(err)
	}
	return bin
}

// newKilling starts a system. It has its time: a bridge starts dozens of times.
func newKilling(t *testing.T) *killing {
	k := &killing{rig: start(t), replied: map[string]bool{}}
	var cancel context.CancelFunc
	k.ctx, cancel = context.WithTimeout(context.Background(), 15*time.Minute)
	t.Cleanup(cancel)
	k.story = newStory(t, k.rig)
	k.story.Out = io.Discard
	k.newRequest()
	return k
}

func TestAKilledBridgeLeavesNothingSignedUnaccountedFor(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	k.killBetweenCalls()
	k.killWhileThePersonIsAsked()
	k.killAroundTheSignature()
	k.tearTheJournal()
	k.newRequest()
	if err := k.approve(func(string) {}); err != nil {
		t.Errorf("after all of it: %v", err)
	}
	if n := len(k.signatures()); n < 4 {
		t.Errorf("%d signatures: the test proves nothing", n)
	}
}

func (k *killing) kill() { k.KillProgram("bridge") }

func (k *killing) killBetweenCalls() {
	for _, step := range []string{"the link is up", "the channel was begun", "the PIN was entered", "the channel is open", "the question is sealed",
		"the page has the signature", "the signer has the signature", "it is over"} {
		killed := false
		err := k.approve(func(now string) {
			if now == step {
				killed = true
				k.kill()
			}
		})
		if !killed {
			k.Fatalf("%q was not reached: %v", step, err)
		}
		k.restart()
		if got, want := k.replied[k.request], strings.Contains(step, "signature") || step == "it is over"; got != want {
			k.Errorf("%q: the page has a signature: %v", step, got)
		}
		if k.replied[k.request] {
			k.newRequest()
		}
	}
}

func (k *killing) killWhileThePersonIsAsked() {
	for prompt, answers := range map[string]system.Answers{
		`"kind":"pin"`:     {PINs: map[string][]string{"alice": {"hang"}}},
		`"kind":"confirm"`: {Confirm: []string{"hang"}},
	} {
		k.answer(answers)
		wait := k.grows(system.PromptLog(k.script), prompt, k.kill)
		if err := k.approve(func(string) {}); err == nil {
			k.Errorf("%s: the approval went through", prompt)
		}
		wait()
		k.restart()
		if k.replied[k.request] {
			k.Errorf("%s: the page has a signature", prompt)
		}
	}
	k.answer(system.Answers{})
}

// killAroundTheSignature kills from the line that permits it on, later each time,
// until the page has had its answer before; and when the signature is noted.
func (k *killing) killAroundTheSignature() {
	before, after := 0, 0
	around := func(line string, delay time.Duration) (over bool) {
		wait := k.grows(k.journalPath(), line, func() { time.Sleep(delay); k.kill() }) // so long into it is what is tested
		over = k.approve(func(string) {}) == nil
		wait()
		k.restart()
		if _, signed := k.readJournal(); signed[k.request] {
			after++
			k.newRequest()
		} else {
			before++
		}
		return over
	}
	for tries := 0; before == 0 && tries < 20; tries++ {
		around(`"event":"approved"`, 0)
	}
	for delay := 200 * time.Microsecond; !around(`"event":"approved"`, delay); delay *= 3 {
	}
	around(`"event":"signed"`, 0)
	k.Logf("around the signature: killed %d times before it was noted, %d times after", before, after)
	if before == 0 {
		k.Error("the bridge was never killed between permission and signature")
	}
}

// tearTheJournal leaves half a line behind, as a power cut does.
func (k *killing) tearTheJournal() {
	k.kill()
	f, err := os.OpenFile(k.journalPath(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		k.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":99,"time":"2026-`); err != nil {
		k.Fatal(err)
	}
	if err := f.Close(); err != nil {
		k.Fatal(err)
	}
	k.restart()
	if data, err := os.ReadFile(k.journalPath()); err != nil || !bytes.Contains(data, []byte(`"event":"recovered"`)) {
		k.Errorf("the torn line is not noted: %v", err)
	}
}
