package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/vault"
	"countersign/shared/wire"
	"countersign/softhsm"
	"countersign/softhsm/e2e/page"
	"countersign/softhsm/e2e/story"
)

// computer is that of somebody with a SoftHSM token of their own, where a script answers
// the prompts.
type computer struct {
	*rig
	token, config string
}

func newComputer(r *rig, label string) *computer {
	r.Helper()
	token := softhsm.NewFaulty(r.T, softhsm.Spec{Label: label, Keys: []softhsm.Key{{Label: "spare", Curve: jws.P256, Derive: true}}})
	bin, err := programs()
	if err != nil {
		r.Fatal(err)
	}
	dir := r.TempDir()
	c := &computer{rig: r, token: label, config: filepath.Join(dir, "bridge.json")}
	answers, pinentry := filepath.Join(dir, "answers.json"), filepath.Join(dir, "pinentry")
	config, err := json.Marshal(map[string]any{
		"listen": []string{"127.0.0.1:0"}, "origins": []string{r.DashboardURL}, "modules": []string{token.Module}, "identities": []string{}, "state_dir": "state", "prompt": "pinentry", "pinentry": pinentry,
	})
	if err != nil {
		r.Fatal(err)
	}
	for path, data := range map[string]string{
		c.config: string(config),
		answers:  `{"log":"prompts","pins":{"` + label + `":["` + token.Token.PIN + `"]},"pairing":["approve"],"confirm":["approve"]}`,
		pinentry: "#!/bin/sh\nCOUNTERSIGN_PINENTRY_SCRIPT='" + answers + "' exec '" + filepath.Join(bin, "scripted-pinentry") + "'\n",
	} {
		if err := os.WriteFile(path, []byte(data), 0o700); err != nil {
			r.Fatal(err)
		}
	}
	return c
}

// command is one of the bridge's on that computer.
func (c *computer) command(ctx context.Context, args ...string) *exec.Cmd {
	c.Helper()
	bin, err := programs()
	if err != nil {
		c.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "countersign-bridge"), append(args, "--config", c.config)...)
	cmd.Env = append(os.Environ(), "DISPLAY=:0")
	return cmd
}

func (c *computer) run(args ...string) string {
	c.Helper()
	out, err := c.command(c.ctx, args...).CombinedOutput()
	if err != nil {
		c.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// approver starts the bridge on that computer, and connects a page of it.
func (c *computer) approver(s *story.Story) *page.Bridge {
	c.Helper()
	ctx, stop := context.WithCancel(c.ctx)
	cmd := c.command(ctx, "approver")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = told{c.T}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { stop(); _ = cmd.Wait() })
	said := bufio.NewScanner(stdout)
	if !said.Scan() {
		c.Fatal("the bridge says nothing")
	}
	at, ok := strings.CutPrefix(said.Text(), "listening on ")
	if !ok {
		c.Fatalf("it says %q", said.Text())
	}
	b, err := page.Connect(c.ctx, page.BridgeConfig{URL: at, Origin: c.DashboardURL, Key: s.Key})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { b.Close() })
	return b
}

// joins has somebody register and enrol with an invitation, once administrators approved
// the change that change makes of their registration.
func (c *computer) joins(s *story.Story, in wire.InvitationInput, root string, change func(registration string) intent.Intent) {
	c.Helper()
	var made wire.Invitation
	if err := s.Gateway.Do(c.ctx, http.MethodPost, "/v1/invitations", in, &made); err != nil {
		c.Fatal(err)
	}
	said := c.run("member", "register", made.URL, "--token", c.token, "--out", c.config+".registration")
	var all wire.Invitations
	if err := s.Gateway.Do(c.ctx, http.MethodGet, "/v1/invitations", nil, &all); err != nil {
		c.Fatal(err)
	}
	id := asks(c.rig, s, change(all.Invitations[0].Registration))
	for _, member := range []string{"mem_alice", "mem_bob"} {
		approve(c.T, c.rig, s, id, member)
	}
	read := c.asked("confirm")
	for _, want := range []string{"both keys, the channel key to this vault alone", "both keys were made in it and never left it; nothing proves it"} {
		if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(read[len(read)-1], "\n>", "")), " "), want) { // lines are folded
			c.Errorf("the administrator did not read %q:\n%s", want, read[len(read)-1])
		}
	}
	for line := range strings.Lines(said) {
		if words, ok := strings.CutPrefix(line, "In words"); ok && !strings.Contains(read[len(read)-1], strings.TrimSpace(words)) {
			c.Errorf("the administrator did not read %q, which the member read to them:\n%s", words, read[len(read)-1])
		}
	}
	c.run("member", "enrol", made.URL, "--token", c.token, "--root", root)
}

// asks asks for a change of the vault.
func asks(r *rig, s *story.Story, i intent.Intent) string {
	r.Helper()
	var made wire.Request
	if err := s.Gateway.Do(r.ctx, http.MethodPost, "/v1/requests", wire.RequestInput{Intent: intenttest.Doc(i)}, &made); err != nil {
		r.Fatal(err)
	}
	return made.ID
}

// TestSomebodyJoinsAVaultThatRunsAndGoesOnWithAnotherToken is what bridge/README.md says under
// "Join a vault that runs", with the programs themselves and two tokens.
func TestSomebodyJoinsAVaultThatRunsAndGoesOnWithAnotherToken(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	data, err := os.ReadFile(filepath.Join(r.State.Dir, "identities", "signer.json"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := vault.ReadSigner(data)
	if err != nil {
		t.Fatal(err)
	}
	print, err := fingerprint.Of(signer.Statement.Thumbprint())
	if err != nil {
		t.Fatal(err)
	}
	root := strings.Join(print.Words(), " ")

	first := newComputer(r, "erin")
	first.joins(s, wire.InvitationInput{Member: "mem_erin", Name: "Erin", Role: "ADMIN", Is: "PERSON"}, root, func(registration string) intent.Intent {
		return intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: "mem_erin", Role: "ADMIN", Is: intent.Human, Registration: registration}
	})
	before := asks(r, s, officers(0, "mem_alice"))
	lost := decides(t, r, s, first.approver(s), before)

	second := newComputer(r, "spare token")
	second.joins(s, wire.InvitationInput{Member: "mem_erin"}, root, func(registration string) intent.Intent {
		return intent.MemberReplaceKeys{Kind: intent.KindMemberReplaceKeys, V: 1, Member: "mem_erin", FromVersion: 1, Registration: registration}
	})
	approve(t, r, s, before, "mem_alice") // with what Erin approved before
	after := asks(r, s, officers(1, "mem_erin"))
	if _, err := page.OpenChannel(r.ctx, lost, s.Gateway, s.Vault.Entity, "mem_erin"); fault.CodeOf(err) != fault.CertificateBad {
		t.Errorf("the lost token opens a channel: %v", err)
	}
	decides(t, r, s, second.approver(s), after)
	approve(t, r, s, after, "mem_alice")
	for _, id := range []string{before, after} {
		var now wire.Request
		if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/requests/"+id, nil, &now); err != nil || now.State != wire.RequestApproved {
			t.Errorf("%s: %s, %v", now.Sentence, now.State, err)
		}
	}
	var entity wire.Entity
	if err := s.Gateway.Do(r.ctx, http.MethodGet, "/v1/entity", nil, &entity); err != nil {
		t.Fatal(err)
	}
	if last := entity.Members[len(entity.Members)-1]; last.ID != "mem_erin" || last.Is != "PERSON" || len(entity.Members) != 4 {
		t.Errorf("%+v", entity.Members)
	}
}

// officers is a group of one member.
func officers(from int, member string) intent.GroupPut {
	return intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_officers", FromVersion: from, Name: "Officers", Members: []intent.Named{{Member: member}}}
}

// decides has Erin approve through a bridge of her own.
func decides(t *testing.T, r *rig, s *story.Story, bridge *page.Bridge, request string) *page.Bridge {
	t.Helper()
	channel, err := page.OpenChannel(r.ctx, bridge, s.Gateway, s.Vault.Entity, "mem_erin")
	if err == nil {
		_, err = channel.Decide(r.ctx, request, "APPROVE")
	}
	if err != nil {
		t.Fatal(err)
	}
	return bridge
}
