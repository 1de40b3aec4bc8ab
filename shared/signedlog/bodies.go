package signedlog

import (
	"bytes"
	"errors"

	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// GenesisBody is the body of entry 0: the genesis, and that every administrator signed it.
type GenesisBody struct {
	Genesis   strictjson.Raw `json:"genesis"`   // a [statement.Genesis], the bytes that they signed
	Approvals []string       `json:"approvals"` // JWS, typ countersign-genesis-approval+jws, in the order of the genesis
}

// Genesis is the body of entry 0. The approvals in it are verified by shared/ceremony.
func (e Entry) Genesis() (b GenesisBody, err error) {
	if e.Type != Genesis {
		return b, errors.New("the entry is a " + e.Type + ", and not a genesis")
	}
	return b, strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
}

// RequestBody is the body of a request entry: what is asked for, and the rule
// that governs it from now on.
type RequestBody struct {
	Request     string               `json:"request"`
	Created     int64                `json:"created"` // Unix seconds; the rules were asked for this moment
	Expires     int64                `json:"expires"` // Unix seconds
	Intent      intent.Doc           `json:"intent"`
	GovernedBy  statement.GovernedBy `json:"governed_by"`
	Recorded    governance.Recorded  `json:"recorded,omitzero"`     // what the signer saw at Created, and rules look at
	Rate        string               `json:"rate,omitempty"`        // JWS, typ countersign-rate+jws: what the recorded value rests on
	Attestation string               `json:"attestation,omitempty"` // JWS, typ countersign-address+jws; of an intent that receives
	Impact      *statement.Impact    `json:"impact,omitempty"`      // of an intent that changes the vault
}

// DecisionBody is the body of an initiation, an approval and a verdict entry: the member's
// own signed statement, which says everything else (also for a rejection).
type DecisionBody struct {
	Request string `json:"request"`
	Member  string `json:"member"`
	JWS     string `json:"jws"` // typ countersign-initiation+jws, -approval+jws or -verdict+jws
}

// GovernedBody is the body of a governed entry: the rules, or what they name, changed, and
// an open request is governed by another version or another rule from here on, or does
// something else to the vault. The decisions that members who are active have signed are
// kept.
type GovernedBody struct {
	Request    string               `json:"request"`
	Expires    int64                `json:"expires"` // Unix seconds
	GovernedBy statement.GovernedBy `json:"governed_by"`
	Impact     *statement.Impact    `json:"impact,omitempty"` // of an intent that changes the vault: what it does now
}

// OutcomeBody is the body of an outcome entry: the request is closed.
type OutcomeBody struct {
	Request string   `json:"request"`
	State   string   `json:"state"`   // APPROVED, REJECTED, EXPIRED or BLOCKED
	Reasons []string `json:"reasons"` // for people
	// UseBy is when the approval ends, in Unix seconds: the time of the last approval
	// and what the rule allows. Of an APPROVED request only; a log of an earlier
	// version does not have it.
	UseBy int64 `json:"use_by,omitempty"`
	// Signer are the keys of the vault from here on, of an APPROVED rotation of them: the
	// entries behind this one, which is the last that the old statement key signs, are signed by
	// the new one.
	Signer *statement.SignerKeys `json:"signer,omitempty"`
}

// Rotates is the statement key that signs the entries behind this one; ok is false when that
// stays the same.
func (e Entry) Rotates() (key jws.PublicKey, ok bool, err error) {
	if e.Type != Outcome || !bytes.Contains(e.Body, []byte(`,"signer":{`)) {
		return key, false, nil
	}
	var b OutcomeBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody); err != nil || b.Signer == nil {
		return key, false, err
	}
	key, err = jws.FromJWK(b.Signer.Statement)
	return key, true, err
}

// SigningBody is the body of a signing entry: the signer is about to sign a transaction of
// an approved request, and will never sign another with its nonce that does something else.
// Everything that it does is in the request's intent.
type SigningBody struct {
	Request string   `json:"request"`
	Attempt int      `json:"attempt"` // from 1; each next one is the same but for its fees
	Nonce   int64    `json:"nonce"`   // of the account's own address
	Fees    gas.Fees `json:"fees"`
}

// SignedBody is the body of a signed entry: the transaction of the signing entry before it.
type SignedBody struct {
	Request string `json:"request"`
	Attempt int    `json:"attempt"`
	Raw     string `json:"raw"` // base64url of the bytes that are sent to the chain
}

// SigningMessageBody is the body of a signing_message entry: the signer is about to sign the
// message of an approved request.
type SigningMessageBody struct {
	Request string `json:"request"`
	Digest  string `json:"digest"` // base64url of the 32 bytes that the key signs, which follow from the intent
}

// SignedMessageBody is the body of a signed_message entry: the signature of the
// signing_message entry before it about this request.
type SignedMessageBody struct {
	Request   string `json:"request"`
	Signature string `json:"signature"` // 0x and the 65 bytes r, s and v, by the account's own key (shared/ecrecover)
}

// SweepingBody is the body of a sweeping entry: by the standing rule of an account, the signer
// is about to sign a transaction of one of its deposit addresses, which can only bring what
// is there to the account's own address.
type SweepingBody struct {
	Account     string   `json:"account"`
	Address     string   `json:"address"`     // the deposit address
	Attestation string   `json:"attestation"` // JWS, typ countersign-address+jws: that it is one
	Nonce       int64    `json:"nonce"`       // of the deposit address
	Amount      string   `json:"amount"`      // in the smallest unit of the chain's coin
	Fees        gas.Fees `json:"fees"`
}

// SweptBody is the body of a swept entry: the transaction of the sweeping entry before it
// about this address.
type SweptBody struct {
	Address string `json:"address"`
	Raw     string `json:"raw"` // base64url of the bytes that are sent to the chain
}

// ClockBody is the body of a clock entry: the operator confirmed that the time is
// that of this entry, which may be before that of the entry before it.
type ClockBody struct {
	Before  int64  `json:"before"`  // the time before, Unix seconds
	Because string `json:"because"` // why the signer had stopped, for people
}

// CheckpointBody is the body of a checkpoint entry. Who reads a log computes State and Edge
// again; Index is about the files of the signer that wrote it.
type CheckpointBody struct {
	State string   `json:"state"` // base64url of the SHA-256 of the state before this entry
	Index string   `json:"index"` // base64url of the SHA-256 of the index up to this entry
	Edge  []string `json:"edge"`  // of the Tree over the entries before this one
}

// Concerns is the id of the request that an entry is about. It fails for one that is about
// none, or has another form.
func (e Entry) Concerns() (string, error) {
	switch e.Type {
	case Request:
		var b RequestBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	case Initiation, Approval, Verdict:
		var b DecisionBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	case Governed:
		var b GovernedBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	case Outcome:
		var b OutcomeBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	case Signing:
		var b SigningBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	case SigningMessage:
		var b SigningMessageBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	case SignedMessage:
		var b SignedMessageBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	case Signed:
		var b SignedBody
		err := strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
		return b.Request, err
	}
	return "", errors.New("a " + e.Type + " is about no request")
}

// Checkpoint is the body of a checkpoint entry.
func (e Entry) Checkpoint() (b CheckpointBody, err error) {
	if e.Type != Checkpoint {
		return b, errors.New("the entry is a " + e.Type + ", and not a checkpoint")
	}
	return b, strictjson.UnmarshalCanonical(e.Body, &b, MaxBody)
}
