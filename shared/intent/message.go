//go:build !js || verify

package intent

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"countersign/shared/eip191"
	"countersign/shared/eip55"
	"countersign/shared/eip712"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// MaxShown is how many bytes the lines of a [Message] have at most: more than a person reads.
const MaxShown = 12 << 10

// digestSize is the size of what stands for something else: such bytes alone are not signed.
const digestSize = 32

// Message is the intent to have the key of an account sign a message: a text, other bytes, or
// typed data (EIP-712). It has one of them. It moves nothing by itself; what a contract, or
// whoever is shown the signature, takes it for is another matter.
// The vault alone knows AccountName, Chain and Address.
type Message struct {
	Kind        string `json:"kind"` // "message"
	V           int    `json:"v"`    // 1
	Account     string `json:"account"`
	AccountName string `json:"account_name"`
	Chain       string `json:"chain"`   // CAIP-2
	Address     string `json:"address"` // the account's own, whose key signs
	Text        string `json:"text,omitempty"`
	Hex         string `json:"hex,omitempty"`        // 0x and digits in lower case: bytes that are not text
	TypedData   Doc    `json:"typed_data,omitempty"` // in its one form (shared/eip712)
	Purpose     string `json:"purpose,omitempty"`    // what it is for, in the asker's words
	Reference   string `json:"reference,omitempty"`  // what it is called in the asker's books
}

// CheckFields implements [Intent].
func (m Message) CheckFields() error {
	var c field.Checks
	c.That(m.Kind == KindMessage && m.V == 1, "kind", "is not message, version 1")
	c.ID(id.Account, m.Account, "account")
	c.Name(m.AccountName, "account_name")
	c.Chain(m.Chain, "chain")
	c.That(strings.HasPrefix(m.Chain, "eip155:"), "chain", "is not of eip155: nothing else signs such messages")
	c.That(eip55.Valid(m.Address) && m.Address == eip55.Address(m.Address[len("0x"):]), "address", "is not written as EIP-55 writes it")
	m.checkForm(&c)
	m.Why().check(&c)
	if c.OK() {
		shown := 0
		for _, l := range m.Lines() {
			shown += len("Domain        ") + len(l.Value)
		}
		c.That(shown <= MaxShown, "", "takes more than "+strconv.Itoa(MaxShown)+" bytes to show: nobody would read it")
	}
	return c.Err()
}

// checkForm checks what is signed: one of three forms, and each message in one of them only.
func (m Message) checkForm(c *field.Checks) {
	forms := 0
	for _, there := range []bool{m.Text != "", m.Hex != "", len(m.TypedData) > 0} {
		if there {
			forms++
		}
	}
	c.That(forms == 1, "", "is not one of text, hex and typed_data")
	switch {
	case !c.OK():
	case m.Text != "":
		c.That(utf8.ValidString(m.Text), "text", "is not UTF-8")
		c.That(!isDigest(m.Text), "text", "is 32 bytes in hexadecimal digits, as a digest is: nobody can read what it stands for")
	case m.Hex != "":
		raw, err := hex.DecodeString(strings.TrimPrefix(m.Hex, "0x"))
		c.That(err == nil && len(raw) > 0 && m.Hex == "0x"+hex.EncodeToString(raw), "hex", "is not bytes: 0x and hexadecimal digits in lower case")
		c.That(!utf8.Valid(raw), "hex", "is text: ask for it as text")
		c.That(len(raw) != digestSize, "hex", "is 32 bytes long, as a digest is: nobody can read what it stands for")
	default:
		d, err := eip712.Open(m.TypedData)
		if p, ok := err.(*field.Problem); ok {
			c.That(false, p.At("typed_data").Field, p.Why)
			return
		}
		on, ok := d.Domain.Field("chainId")
		c.That(ok, "typed_data.domain.chainId", "is missing: the message would be good on every chain")
		c.That("eip155:"+on.Text == m.Chain, "typed_data.domain.chainId", "is not that of the account's chain, "+m.Chain)
	}
}

// isDigest reports whether a text is the hexadecimal digits of a digest, and nothing else.
func isDigest(text string) bool {
	digits := strings.ToLower(strings.TrimSpace(text))
	raw, err := hex.DecodeString(strings.TrimPrefix(digits, "0x"))
	return err == nil && len(raw) == digestSize
}

// CheckNow implements [Intent]: no table says more of a message.
func (m Message) CheckNow() error { return m.CheckFields() }

// Fill implements [Intent]: the account's name, chain and address, and typed data in its one
// form, however a program wrote it. It fails with NOT_FOUND and INVALID_REQUEST.
func (m Message) Fill(v Vault) (Intent, error) {
	account, ok := v.Account(m.Account)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such account").With("field", "account")
	}
	if len(m.TypedData) > 0 {
		d, err := eip712.Read(m.TypedData)
		if p, ok := err.(*field.Problem); ok {
			return nil, Refused(p.At("typed_data"))
		}
		if m.TypedData, err = d.Encode(); err != nil {
			return nil, err
		}
	}
	m.AccountName, m.Chain, m.Address = account.Name, account.Chain, account.Address
	return m, nil
}

// Signs implements [Messenger].
func (m Message) Signs() (ToSign, error) {
	out := ToSign{Account: m.Account, Chain: m.Chain, Address: m.Address}
	switch {
	case len(m.TypedData) > 0:
		d, err := eip712.Open(m.TypedData)
		if err != nil {
			return out, err
		}
		out.Digest = d.Digest()
	case m.Hex != "":
		raw, err := hex.DecodeString(strings.TrimPrefix(m.Hex, "0x"))
		if err != nil {
			return out, err
		}
		out.Digest = eip191.Digest(raw)
	default:
		out.Digest = eip191.Digest([]byte(m.Text))
	}
	return out, nil
}

// Facts implements [Intent]: a message has neither amount nor asset nor address.
func (m Message) Facts() governance.Facts {
	return governance.Facts{Kind: KindMessage, Account: m.Account, Chain: m.Chain}
}

// Noun implements [Intent].
func (Message) Noun() string { return "message" }

// Title implements [Intent].
func (m Message) Title() string {
	return "Sign " + m.Summary() + " as account " + name.Within(m.AccountName)
}

// Summary implements [Intent]: `typed data Mail of "Ether Mail"`, "a text of 45 bytes".
func (m Message) Summary() string {
	switch {
	case m.Text != "":
		return "a text of " + bytesLong(len(m.Text))
	case m.Hex != "":
		return bytesLong(len(m.Hex)/2-1) + " that are not text"
	}
	d, err := eip712.Open(m.TypedData)
	if err != nil { // of a draft
		return "typed data"
	}
	if of, ok := d.Domain.Field("name"); ok {
		return "typed data " + d.Primary + " of " + name.Quote(name.Shown(of.Text))
	}
	return "typed data " + d.Primary
}

func bytesLong(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.Itoa(n) + " bytes"
}

// Why implements [Intent].
func (m Message) Why() Why { return Why{m.Purpose, m.Reference} }

// Totals implements [Intent]: messages do not add up.
func (Message) Totals() []Total { return nil }

// Record implements [Intent].
func (m Message) Record() Record {
	return Record{
		Intent: KindMessage, Account: name.WithID(m.AccountName, m.Account), Address: m.Address, Chain: m.Chain, Change: "sign " + m.Summary(), Purpose: m.Purpose,
		Reference: m.Reference,
	}
}

func tellMessage(r Record) []string {
	return []string{r.Change, "as " + r.Account, "with the key of " + r.Address + " on " + Chain(r.Chain)}
}
