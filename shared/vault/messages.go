package vault

import (
	"errors"
	"fmt"

	"countersign/shared/ecrecover"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// Message is an approved request that ends in a signature under a message. It is kept until
// it is signed, or its approval has ended before that was begun.
type Message struct {
	Request string     `json:"request"`
	Intent  intent.Doc `json:"intent"`
	UseBy   int64      `json:"use_by"`          // Unix seconds: until then its signature may be begun
	Begun   int64      `json:"begun,omitempty"` // Unix seconds: it is about to be signed since; 0: it is not

	signs intent.ToSign
}

// Signature is what was signed of a message, or is about to be.
type Signature struct {
	Digest    string // base64url of what the key signs
	Signature string // 0x and 65 bytes (shared/ecrecover); empty: it is about to be signed
	At        int64  // Unix seconds, of the newest entry
}

// Message finds a request whose message may be signed; nil when there is none: what ends in
// no signature, what is not approved, and what is signed, which [State.Recall] finds.
func (s *State) Message(request string) *Message { return s.messages[request] }

// Signs is what the key signs.
func (x *Message) Signs() intent.ToSign { return x.signs }

// Digest is what the key signs, as entries have it.
func (x *Message) Digest() string { return x.signs.DigestText() }

// speak keeps a request that was approved and ends in a signature.
func (s *State) speak(r *Request, at int64) {
	m, ok := r.Wants.(intent.Messenger)
	if !ok {
		return
	}
	for id, x := range s.messages {
		if x.Begun == 0 && at >= x.UseBy {
			delete(s.messages, id)
		}
	}
	if r.Outcome != string(governance.Approved) {
		return
	}
	if signs, err := m.Signs(); err == nil { // which it was when it was asked for
		s.messages[r.Request] = &Message{Request: r.Request, Intent: r.Intent, UseBy: r.ends, signs: signs}
	}
}

// respeak takes what a snapshot has of a message.
func (s *State) respeak(x Message) error {
	wants, err := intent.Open(x.Intent)
	if err != nil {
		return err
	}
	m, ok := wants.(intent.Messenger)
	if !ok {
		return errors.New("it ends in no signature")
	}
	if x.signs, err = m.Signs(); err != nil {
		return err
	}
	if s.accounts[x.signs.Account] == nil {
		return errors.New("it is of no account")
	}
	s.messages[x.Request] = &x
	return nil
}

// applySigningMessage takes which message is about to be signed.
func (s *State) applySigningMessage(e signedlog.Entry) error {
	var b signedlog.SigningMessageBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	x := s.messages[b.Request]
	switch {
	case x == nil:
		return fmt.Errorf("there is no approved message %s that is not signed", b.Request)
	case x.Begun != 0:
		return fmt.Errorf("the message of %s is about to be signed already", b.Request)
	case e.At >= x.UseBy:
		return fmt.Errorf("the approval of %s has ended", b.Request)
	case b.Digest != x.Digest():
		return fmt.Errorf("the message of %s is another one than was approved", b.Request)
	}
	x.Begun = e.At
	s.past.Note(b.Request, e.Seq)
	return nil
}

// applySignedMessage takes the signature of the message that was about to be signed.
func (s *State) applySignedMessage(e signedlog.Entry) error {
	var b signedlog.SignedMessageBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	x := s.messages[b.Request]
	if x == nil || x.Begun == 0 {
		return fmt.Errorf("no message of %s is about to be signed", b.Request)
	}
	own := s.addressOf(s.accounts[x.signs.Account].GenesisAccount, Newest)
	from, err := ecrecover.Signer(x.signs.Digest, b.Signature)
	if err != nil {
		return fmt.Errorf("the message of %s: %w", b.Request, err)
	}
	if from != own || from != x.signs.Address {
		return fmt.Errorf("the message of %s is not signed by %s", b.Request, own)
	}
	delete(s.messages, b.Request)
	s.past.Note(b.Request, e.Seq)
	return nil
}

// Behind reports whether entries of a type are about a request that is closed: they sign
// what was approved.
func Behind(typ string) bool { return sends(typ) || speaks(typ) }

// speaks reports whether entries of a type are about the message of a closed request.
func speaks(typ string) bool {
	return typ == signedlog.SigningMessage || typ == signedlog.SignedMessage
}

// spoken adds what an entry says of the message of a closed request.
func spoken(was *Signature, e signedlog.Entry, of string) (*Signature, error) {
	stray := fmt.Errorf("entry %d does not follow", e.Seq)
	if e.Type == signedlog.SigningMessage {
		var b signedlog.SigningMessageBody
		if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
			return nil, err
		}
		if b.Request != of || was != nil {
			return nil, stray
		}
		return &Signature{Digest: b.Digest, At: e.At}, nil
	}
	var b signedlog.SignedMessageBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return nil, err
	}
	if b.Request != of || was == nil || was.Signature != "" {
		return nil, stray
	}
	return &Signature{was.Digest, b.Signature, e.At}, nil
}
