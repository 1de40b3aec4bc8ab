package receipt

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

// Report is what a receipt proves.
type Report struct {
	Genesis   statement.Genesis
	Root      string              // thumbprint of the statement key
	Request   *vault.Request      // with its decisions and its outcome
	Changes   []*vault.Request    // of the vault until then, in the order in which they took effect
	Names     map[string]string   // of members, by id
	Decision  governance.Decision // when it was closed
	Closed    int64               // Unix seconds
	Note      signedlog.Note
	Attempts  []vault.Attempt      // to have its transaction taken into a block; what is not signed is left out
	Signature *vault.Signature     // of its message; nil: it is not signed, or has none
	Signer    statement.SignerKeys // of the vault, where the receipt ends
	Keys      []jwk.Key            // the statement keys that the vault had until then, the root key first
	LedTo     *LedTo               // as the gateway says, which the vault does not vouch for
}

// verifier holds the lines of a receipt against each other.
type verifier struct {
	root  jws.PublicKey
	key   jws.PublicKey // that signs the next line
	state *vault.State
	file  File
	loose int64 // the first line behind the outcome that leads to no other keys so far; 0: there is none
	// wanted are changes of the vault that are not decided, by id.
	wanted map[string]*vault.Request
	Report
}

// Verify verifies a receipt with the vault's root key, which is its statement key, and
// nothing else: root is its thumbprint, or its fingerprint in words or digits. It fails with INVALID_REQUEST and SIGNATURE_INVALID;
// details part is what was changed: file, note, entry N, request or led_to.
func Verify(data []byte, root string) (Report, error) {
	is, err := fingerprint.Named(root)
	if err != nil {
		return Report{}, err
	}
	f, err := Decode(data)
	if err != nil {
		return Report{}, err
	}
	v := &verifier{file: f, wanted: map[string]*vault.Request{}, Report: Report{LedTo: f.LedTo}}
	if err := v.begin(is); err != nil {
		return Report{}, err
	}
	last := int64(-1)
	for _, l := range f.Lines {
		if l.Seq <= last {
			return Report{}, refuse(nil, entry(l.Seq), fmt.Sprintf("entry %d does not come after entry %d", l.Seq, last))
		}
		last = l.Seq
		if err := v.line(l); err != nil {
			return Report{}, err
		}
	}
	if v.loose != 0 {
		return Report{}, refuse(errBehind, entry(v.loose), v.file.Request+" does not rest on "+entry(v.loose))
	}
	if v.Request == nil || v.Request.Outcome == "" {
		return Report{}, refuse(nil, "request", "it does not have the entries of "+f.Request+" up to its outcome")
	}
	for id := range v.wanted {
		return Report{}, refuse(nil, "request", "it rests on "+id+", which changed nothing")
	}
	if err := v.ledTo(); err != nil {
		return Report{}, err
	}
	if x := v.state.Sending(f.Request); x != nil {
		for _, a := range x.Attempts {
			if a.Raw != "" {
				v.Attempts = append(v.Attempts, a)
			}
		}
	}
	v.Signer, v.Keys, v.Names = v.state.Signer(), v.state.StatementKeys(), map[string]string{}
	if worth := v.Request.Recorded.Value; worth != nil {
		v.Names[worth.Source] = v.state.Member(worth.Source).Name
	}
	for _, r := range slices.Concat(v.Changes, []*vault.Request{v.Request}) {
		for _, a := range r.Accepted {
			if m := v.state.Member(a.Member); m != nil {
				v.Names[a.Member] = m.Name
			}
		}
	}
	return v.Report, nil
}

func entry(seq int64) string { return fmt.Sprint("entry ", seq) }

func refuse(cause error, part, why string) error {
	return fault.Wrap(cause, fault.SignatureInvalid, "the receipt was refused: "+why).With("part", part)
}

// begin takes the root key from the genesis, and with it the note.
func (v *verifier) begin(root func(thumbprint string) bool) error {
	first := v.file.Lines[0]
	g, key, err := vault.Begins(first.JWS)
	if err != nil {
		return refuse(err, entry(first.Seq), "its first line is not the genesis of a log")
	}
	v.root, v.key = key, key
	if v.Root = v.key.Thumbprint(); !root(v.Root) {
		return refuse(nil, entry(0), "entry 0, the genesis, has another root key: the receipt is of another vault, or was changed")
	}
	if _, err := signedlog.Read(first.JWS, v.key); err != nil {
		return refuse(err, entry(0), "entry 0 was changed")
	}
	v.Genesis, v.state = g, vault.Excerpt(v.key)
	signer, err := v.lastKey()
	if err != nil {
		return err
	}
	if v.Note, err = signedlog.ReadNote(v.file.Note, g.Entity, v.root, signer); err != nil {
		return refuse(err, "note", "the note about the log was changed, or is of another log")
	}
	if v.Note.Others > 0 {
		return refuse(nil, "note", "the note about the log has other signatures than the vault's")
	}
	return nil
}

// lastKey is the statement key that the lines lead to, which signed the note. That they hold, and
// lead there, is verified after it.
func (v *verifier) lastKey() (jws.PublicKey, error) {
	last := v.root
	for _, l := range v.file.Lines {
		e, err := signedlog.Reread(l.JWS)
		if err == nil {
			var key jws.PublicKey
			var rotates bool
			if key, rotates, err = e.Rotates(); rotates {
				last = key
			}
		}
		if err != nil {
			return last, refuse(err, entry(l.Seq), entry(l.Seq)+" was changed")
		}
	}
	return last, nil
}

// line verifies a line: its signature, that it is in the log, and that it follows from
// those before it.
func (v *verifier) line(l Line) error {
	e, err := signedlog.Read(l.JWS, v.key)
	if err != nil {
		return refuse(err, entry(l.Seq), entry(l.Seq)+" was changed")
	}
	if e.Seq != l.Seq {
		return refuse(nil, entry(l.Seq), fmt.Sprintf("entry %d is in the place of entry %d", e.Seq, l.Seq))
	}
	path, err := signedlog.ReadHashes(l.Path)
	if err == nil {
		err = tlog.CheckRecord(path, v.Note.Size, v.Note.Root, l.Seq, tlog.RecordHash([]byte(l.JWS)))
	}
	if err != nil {
		return refuse(err, entry(l.Seq), "the path of "+entry(l.Seq)+" does not lead to the root of the log")
	}
	key, rotates, err := e.Rotates()
	if err != nil {
		return refuse(err, entry(l.Seq), entry(l.Seq)+" has keys in another form")
	}
	if rotates {
		v.key = key
	}
	if err := v.concerns(e); err != nil {
		return refuse(err, entry(l.Seq), v.file.Request+" does not rest on "+entry(l.Seq))
	}
	if r := v.Request; r != nil && e.Type == signedlog.Outcome {
		v.Decision, v.Closed = v.state.Decide(r, time.Unix(e.At, 0).UTC()), e.At
	}
	if err := v.state.Apply(e, signedlog.Hash([]byte(l.JWS))); err != nil {
		return refuse(err, entry(l.Seq), entry(l.Seq)+" does not follow from the entries before it")
	}
	if v.note(e); rotates {
		v.loose = 0
	}
	return nil
}

// note remembers the requests that an entry, which was applied, begins and closes.
func (v *verifier) note(e signedlog.Entry) {
	id, _ := e.Concerns() // empty of the genesis
	switch {
	case e.Type == signedlog.SignedMessage:
		var b signedlog.SignedMessageBody
		if strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody) == nil { // it was applied
			digest, _ := effects.DigestOf(v.Request.Wants) // with which the signature was verified
			v.Signature = &vault.Signature{Digest: digest, Signature: b.Signature, At: e.At}
		}
	case e.Type == signedlog.Request && id == v.file.Request:
		v.Request = v.state.Request(id)
	case e.Type == signedlog.Request:
		v.wanted[id] = v.state.Request(id)
	case e.Type == signedlog.Outcome && v.wanted[id] != nil && v.wanted[id].Outcome == string(governance.Approved):
		if v.Request == nil || v.Request.Outcome == "" {
			v.Changes = append(v.Changes, v.wanted[id])
		}
		delete(v.wanted, id)
	}
}

// concerns refuses an entry that the request does not rest on: one about another request,
// unless that changes the vault.
func (v *verifier) concerns(e signedlog.Entry) error {
	if e.Type == signedlog.Genesis && e.Seq == 0 {
		return nil
	}
	id, err := e.Concerns()
	if closed := v.Request != nil && v.Request.Outcome != ""; closed && err == nil {
		switch own, signs := id == v.file.Request, vault.Behind(e.Type); {
		case own && !signs:
			return errBehind
		case !own:
			v.loose = cmp.Or(v.loose, e.Seq)
		}
	}
	if err != nil || id == v.file.Request {
		return err
	}
	if e.Type == signedlog.Request {
		var b signedlog.RequestBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		if wants, err := intent.Open(b.Intent); err != nil {
			return err
		} else if _, changes := wants.(intent.Change); changes {
			return nil
		}
	} else if v.wanted[id] != nil {
		return nil
	}
	return errors.New("it is about " + id + ", which changes nothing in the vault")
}

// errBehind is of a line that is behind the outcome, and does not lead to the keys that signed
// the note.
var errBehind = errors.New("it is behind the outcome")

// ledTo holds what the gateway says against what was approved.
func (v *verifier) ledTo() error {
	if v.LedTo == nil {
		return nil
	}
	to, ok := v.Request.Receives()
	if v.Decision.State != governance.Approved || !ok || to.Address != v.LedTo.Address || to.Chain != v.LedTo.Chain {
		return refuse(nil, "led_to", "the order is not one that was approved: it is delivered elsewhere")
	}
	return nil
}
