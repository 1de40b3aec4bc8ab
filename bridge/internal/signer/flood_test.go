package signer

import (
	"crypto/rand"
	"testing"
	"time"

	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/wire"
)

// abandon begins a handshake and does not end it.
func abandon(t *testing.T, g *rig) (act1 string, opened wire.SignerChannel) {
	t.Helper()
	alice := g.people["mem_alice"]
	suite, err := channel.SuiteFor(alice.Channel.PublicKey().Curve())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range g.enrol.File.ChannelKeys {
		if j.Crv != alice.Channel.PublicKey().Curve() {
			continue
		}
		remote, err := jws.FromJWK(j)
		if err != nil {
			t.Fatal(err)
		}
		i, err := channel.NewInitiator(channel.InitiatorConfig{
			Suite: suite, Static: alice.Channel, Remote: remote.Compressed(), Entity: g.enrol.File.Entity, Rand: rand.Reader, Now: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		first, err := i.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		act1 = b64(first)
	}
	if code := g.call("POST", "/v1/channels", wire.SignerRecord{Record: act1}, &opened); code != "" {
		t.Fatal(code)
	}
	return act1, opened
}

func TestTheSameActOneAgainIsTheSameHandshake(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	act1, first := abandon(t, g)
	for range 3 * maxHandshakes {
		var again wire.SignerChannel
		if code := g.call("POST", "/v1/channels", wire.SignerRecord{Record: act1}, &again); code != "" || again != first {
			t.Fatalf("%q, channel %s with another answer than %s", code, again.Channel, first.Channel)
		}
	}
	if n := len(g.service.sessions.list); n != 1 {
		t.Errorf("one act 1 made %d channels", n)
	}
	var reply wire.SignerReply
	if code := g.call("POST", "/v1/channels/"+first.Channel+"/records", wire.SignerRecord{Record: "AAAA"}, &reply); code == "" {
		t.Fatal("a wrong act 3 was accepted")
	}
	var fresh wire.SignerChannel
	if code := g.call("POST", "/v1/channels", wire.SignerRecord{Record: act1}, &fresh); code != "" || fresh.Channel == first.Channel {
		t.Errorf("after its end the handshake goes on: %q %s", code, fresh.Channel)
	}
}

func TestHandshakesThatAreAbandonedKeepNoMemberOut(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	open := mustConnect(t, g, "mem_bob")
	_, oldest := abandon(t, g)
	for range 3 * maxHandshakes {
		abandon(t, g)
	}
	if n := len(g.service.sessions.list); n != maxHandshakes+1 {
		t.Errorf("%d channels are kept", n)
	}
	var reply wire.SignerReply
	if code := g.call("POST", "/v1/channels/"+oldest.Channel+"/records", wire.SignerRecord{Record: "AAAA"}, &reply); code != fault.ChannelClosed {
		t.Errorf("the oldest handshake: %q", code)
	}
	mustConnect(t, g, "mem_alice")
	if _, code := open.Send(nil); code == fault.ChannelClosed {
		t.Error("a channel that was open is closed")
	}
}
