package hostile

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// altered has a record altered on its way.
func altered(at step, alter func(*line, []byte) []byte) func(*world) error {
	return func(w *world) error { w.gateway.alter[at] = alter; return nil }
}

// flipped changes a bit of a record.
func flipped(at step) func(*world) error {
	return altered(at, func(_ *line, record []byte) []byte {
		record = bytes.Clone(record)
		record[len(record)-1] ^= 1
		return record
	})
}

// cut leaves the end of a record out.
func cut(at step) func(*world) error {
	return altered(at, func(_ *line, record []byte) []byte { return record[:len(record)/2] })
}

// earlier keeps a record of one channel, and puts it in the place of the same of the next.
func earlier(at step) func(*world) error { return of(at, "mem_alice") }

// of does so with a record of a channel of a member.
func of(at step, member string) func(*world) error {
	return func(w *world) error {
		var kept []byte
		w.gateway.alter[at] = func(_ *line, record []byte) []byte { kept = record; return record }
		l, err := w.at(member).opens()
		if err == nil && slices.Contains([]step{get, served, submit, receipted}, at) {
			w.must(w.gateway.request(wanted, purchase()))
			err = l.decides(wanted, statement.Approve)
		}
		w.must(err)
		w.gateway.alter[at] = func(*line, []byte) []byte { return kept }
		return nil
	}
}

// twice delivers a record to the signer before it is delivered.
func twice(at step) func(*world) error {
	return altered(at, func(l *line, record []byte) []byte {
		_, err := l.world.gateway.deliver(l.route, record)
		l.world.must(err)
		return record
	})
}

// connects has the gateway open a channel of its own with a member's certificate, or one that
// it made.
func connects(as func(*world) (*membertest.Member, string)) func(*world) error {
	return func(w *world) error {
		m, certificate := as(w)
		_, code := membertest.ConnectAs(w.t.(*testing.T), membertest.Handler(w.t, w.gateway.signer), m, certificate, w.file)
		if code == "" {
			return nil
		}
		return refuses(atSigner, fault.New(code, "the certificate"))
	}
}

// forged is the certificate of Alice with changes, signed by a key of the gateway's own.
func forged(w *world, change func(*statement.Member)) string {
	payload, err := jws.Payload(w.members["mem_alice"].Certificate)
	w.must(err)
	c, err := statement.Decode[statement.Member](payload)
	w.must(err)
	change(&c)
	data, err := statement.Encode(c)
	w.must(err)
	token, err := jws.Sign(w.t.Context(), membertest.NewKey(w.t, jws.Secp256k1), statement.TypMember, data)
	w.must(err)
	return token
}

// stranger has keys of their own, and is called as Alice is.
func stranger(w *world) *membertest.Member {
	return &membertest.Member{ID: "mem_alice", Name: "Alice", Approval: membertest.NewKey(w.t, jws.Secp256k1), Channel: membertest.NewKey(w.t, jws.Secp256k1)}
}

// handshakes is what the gateway does to the opening of channels.
func handshakes() []row {
	return []row{
		{"flips a bit of act 1", opens, flipped(first), atSigner, fault.RecordInvalid, ""},
		{"cuts act 1 off", opens, cut(first), atSigner, fault.RecordInvalid, ""},
		{"replays act 1 of an earlier channel", opens, earlier(first), bridge, fault.RecordInvalid, ""},
		{"flips a bit of act 2", opens, flipped(second), bridge, fault.RecordInvalid, ""},
		{"replays act 2 of an earlier channel", opens, earlier(second), bridge, fault.RecordInvalid, ""},
		{"answers act 1 itself, with keys of its own", opens, altered(second, ownAct2), bridge, fault.RecordInvalid, ""},
		{"flips a bit of act 3", opens, flipped(third), atSigner, fault.RecordInvalid, ""},
		{"replays act 3 of an earlier channel", opens, earlier(third), atSigner, fault.RecordInvalid, ""},
		{"delivers act 3 twice", opens, twice(third), atSigner, fault.RecordInvalid, ""},
		{"puts act 3 of Bob into the channel of Alice", opens, of(third, "mem_bob"), atSigner, fault.RecordInvalid, ""},
		{"flips a bit of the welcome", opens, flipped(welcome), bridge, fault.RecordInvalid, ""},
		{"replays the welcome of an earlier channel", opens, earlier(welcome), bridge, fault.RecordInvalid, ""},
		{"puts act 2 in the place of the welcome", opens, func(w *world) error {
			w.gateway.alter[second] = func(_ *line, record []byte) []byte {
				w.gateway.alter[welcome] = func(*line, []byte) []byte { return record }
				return record
			}
			return nil
		}, bridge, fault.RecordInvalid, ""},
		{"drops the welcome, and asks on", approves, altered(welcome, func(l *line, _ []byte) []byte {
			_, _, err := l.desk.Prepare(l.channel, pending, statement.Approve)
			if fault.CodeOf(err) != fault.Conflict {
				l.world.t.Errorf("a channel without a welcome asks: %v", err)
			}
			return nil
		}), bridge, fault.RecordInvalid, ""},
		{"opens a channel with the certificate of Alice and a key of its own", opens,
			connects(func(w *world) (*membertest.Member, string) { return stranger(w), w.members["mem_alice"].Certificate }), atSigner, fault.CertificateBad, ""},
		{"opens a channel with a certificate that it signed", opens, connects(func(w *world) (*membertest.Member, string) {
			m := stranger(w)
			return m, forged(w, func(c *statement.Member) {
				c.Channel, c.Approval = m.Channel.PublicKey().JWK(), m.Approval.PublicKey().JWK()
			})
		}), atSigner, fault.CertificateBad, ""},
		{"opens a channel with the certificate of another member", opens,
			connects(func(w *world) (*membertest.Member, string) {
				return w.members["mem_alice"], w.members["mem_bob"].Certificate
			}), atSigner, fault.CertificateBad, ""},
		{"opens a channel with the certificate of a member who was removed", opens, connects(func(w *world) (*membertest.Member, string) {
			w.changes(turns(intent.KindMemberRevoke, "mem_carol", 1))
			return w.members["mem_carol"], w.members["mem_carol"].Certificate
		}), atSigner, fault.CertificateBad, ""},
		{"opens a channel with a certificate that has expired", opens, connects(func(w *world) (*membertest.Member, string) {
			w.wait(366 * 24 * time.Hour)
			return w.members["mem_carol"], w.members["mem_carol"].Certificate
		}), atSigner, fault.CertificateBad, ""},
		{"hands a member a certificate that it signed", opens, func(w *world) error {
			w.write("mem_alice.jws", forged(w, func(*statement.Member) {}))
			delete(w.desks, "mem_alice")
			return nil
		}, bridge, fault.CertificateBad, ""},
		{"hands a member the certificate of another", opens, func(w *world) error {
			w.write("mem_alice.jws", w.members["mem_bob"].Certificate)
			delete(w.desks, "mem_alice")
			return nil
		}, bridge, fault.CertificateBad, ""},
	}
}

// changes has Alice and Bob approve a change of the vault.
func (w *world) changes(wants intent.Intent) {
	w.must(w.gateway.request(wanted, wants))
	w.must(w.approve(wanted, "mem_alice", "mem_bob"))
}

// ownAct2 is act 2 of a handshake that the gateway has with itself.
func ownAct2(l *line, _ []byte) []byte {
	w := l.world
	key := membertest.NewKey(w.t, jws.Secp256k1)
	i, err := channel.NewInitiator(channel.InitiatorConfig{Suite: channel.Secp256k1, Static: membertest.NewKey(w.t, jws.Secp256k1), Remote: key.Public(), Entity: entity, Rand: rand.Reader, Now: w.clock})
	w.must(err)
	r, err := channel.NewResponder(channel.ResponderConfig{Entity: entity, Rand: rand.Reader, Now: w.clock, Statics: map[channel.Suite]channel.Static{channel.Secp256k1: key}})
	w.must(err)
	act1, err := i.Start(w.t.Context())
	w.must(err)
	act2, err := r.Accept(w.t.Context(), act1)
	w.must(err)
	return act2
}

// another has Alice ask for the statement about another request in the same channel, and puts
// it in the place of the one that is on its way.
func another(verdict string) func(*world) error {
	return func(w *world) error {
		w.must(w.gateway.request(wanted, purchase()))
		request := wanted
		if verdict != statement.Approve {
			request = pending
		}
		return altered(served, func(l *line, _ []byte) []byte {
			_, record, err := l.desk.Prepare(l.channel, request, verdict)
			w.must(err)
			answer, err := w.gateway.deliver(l.route, record)
			w.must(err)
			return answer
		})(w)
	}
}

// theirs has the same channel decide on another request, and puts the receipt of that in the
// place of a record.
func theirs(at step) func(*world) error {
	return func(w *world) error {
		w.must(w.gateway.request(wanted, purchase()))
		return altered(at, func(l *line, _ []byte) []byte {
			_, record, err := l.signs(wanted, statement.Approve)
			w.must(err)
			answer, err := w.gateway.deliver(l.route, record)
			w.must(err)
			return answer
		})(w)
	}
}

// meanwhile holds a record back while something happens.
func meanwhile(at step, happens func(*world)) func(*world) error {
	return altered(at, func(l *line, record []byte) []byte { happens(l.world); return record })
}

// records is what the gateway does to the records of an open channel.
func records() []row {
	return []row{
		{"flips a bit of the question", approves, flipped(get), atSigner, fault.RecordInvalid, ""},
		{"delivers the question twice", approves, twice(get), atSigner, fault.RecordReplayed, ""},
		{"replays a question of an earlier channel", approves, earlier(get), atSigner, fault.RecordInvalid, ""},
		{"puts the question of Alice into a channel of Bob", approves, func(w *world) error {
			l, err := w.at("mem_bob").opens()
			w.must(err)
			w.gateway.alter[get] = func(_ *line, record []byte) []byte {
				w.gateway.route = func(string) string { return l.route }
				return record
			}
			return nil
		}, atSigner, fault.RecordInvalid, ""},
		{"flips a bit of the statement", approves, flipped(served), bridge, fault.RecordInvalid, ""},
		{"cuts the statement off", approves, cut(served), bridge, fault.RecordInvalid, ""},
		{"replays the statement of an earlier channel", approves, earlier(served), bridge, fault.RecordInvalid, ""},
		{"gives Alice a statement for Bob", approves, of(served, "mem_bob"), bridge, fault.RecordInvalid, ""},
		{"substitutes the statement about another request", approves, another(statement.Approve), bridge, fault.StatementInvalid, "field=request"},
		{"substitutes the statement of another decision", approves, another(statement.Reject), bridge, fault.StatementInvalid, "field=decision"},
		{"gives a receipt in the place of the statement", approves, theirs(served), bridge, fault.RecordInvalid, ""},
		{"holds the statement back until it has expired", approves, meanwhile(served, func(w *world) { w.wait(10 * time.Minute) }), bridge, fault.StatementInvalid, "field=exp"},
		{"flips a bit of the signature", approves, flipped(submit), atSigner, fault.RecordInvalid, ""},
		{"delivers the signature twice", approves, twice(submit), atSigner, fault.RecordReplayed, ""},
		{"replays the signature on another request", approves, earlier(submit), atSigner, fault.RecordInvalid, ""},
		{"submits the signature of Bob as that of Alice", approves, of(submit, "mem_bob"), atSigner, fault.RecordInvalid, ""},
		{"holds the signature back until it has expired", approves, meanwhile(submit, func(w *world) { w.wait(10 * time.Minute) }), atSigner, fault.StatementInvalid, "field=exp"},
		{"holds the signature back until the request was rejected", approves, meanwhile(submit, func(w *world) {
			l, err := w.at("mem_bob").opens()
			w.must(err)
			w.must(l.decides(pending, statement.Reject))
		}), atSigner, fault.RequestClosed, "state=REJECTED"},
		{"holds the signature back until the request was approved by others", approves, meanwhile(submit, func(w *world) { w.must(w.approve(pending, "mem_bob", "mem_carol")) }), atSigner, fault.RequestClosed, "state=APPROVED"},
		{"holds the signature back until its member was suspended", approves, meanwhile(submit, func(w *world) {
			w.must(w.gateway.request(wanted, turns(intent.KindMemberSuspend, "mem_alice", 1)))
			w.must(w.approve(wanted, "mem_bob", "mem_carol"))
		}), atSigner, fault.ChannelClosed, ""},
		{"shows the prompt of a member while others remove them", approves, func(w *world) error {
			w.must(w.gateway.request(wanted, turns(intent.KindMemberRevoke, "mem_alice", 1)))
			w.at("mem_alice").while = func() { w.must(w.approve(wanted, "mem_bob", "mem_carol")) }
			return nil
		}, atSigner, fault.ChannelClosed, ""},
		{"holds the signature back until the signer was started again", approves, meanwhile(submit, (*world).restart), atSigner, fault.ChannelClosed, ""},
		{"delivers a second signature of the same member", approves, meanwhile(submit, func(w *world) { w.must(w.approve(pending, "mem_alice")) }), atSigner, fault.AlreadyApproved, ""},
		{"sends a record that is larger than any", approves, altered(submit, func(*line, []byte) []byte { return make([]byte, 60<<10) }), atSigner, fault.TooLarge, ""},
		{"sends no record", approves, altered(submit, func(*line, []byte) []byte { return nil }), atSigner, fault.Invalid, "field=record"},
		{"flips a bit of the receipt", approves, flipped(receipted), bridge, fault.RecordInvalid, ""},
		{"replays the receipt of an earlier channel", approves, earlier(receipted), bridge, fault.RecordInvalid, ""},
		{"gives the receipt of another request", approves, theirs(receipted), bridge, fault.RecordInvalid, ""},
		{"drops the signature, and gives the statement as the receipt", approves, func(w *world) error {
			w.gateway.alter[served] = func(_ *line, record []byte) []byte {
				w.gateway.alter[receipted] = func(*line, []byte) []byte { return record }
				return record
			}
			return nil
		}, bridge, fault.RecordReplayed, ""},
		{"sends the records to a channel that there is none of", approves, func(w *world) error {
			w.gateway.route = func(id string) string { return strings.Replace(id, "chn_", "chn_a", 1) }
			return nil
		}, atSigner, fault.ChannelClosed, ""},
	}
}
