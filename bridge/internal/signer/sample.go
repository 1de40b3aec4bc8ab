package signer

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/statement"
)

// checkApprovable makes sure that what a vault promises can be signed: it writes
// a statement for each account, rule, step and member that may approve, with the
// longest values that a request can bring. A vault that nobody can approve in, or
// one member cannot, is refused before it exists.
func checkApprovable(d Draft, now time.Time) error {
	o := d.objects()
	for _, a := range d.Accounts {
		for _, r := range a.Rules.Rules {
			if !r.Deny && !o.CanBeMet(r) {
				path := "accounts." + a.Account + ".rules." + r.Name + ".steps"
				return fault.New(fault.Invalid, path+" can never all be taken: each member approves once, and auditors do not").With("field", path)
			}
			for i, step := range r.Steps {
				if err := checkSigned(d, a, r, i+1, o.Electorate(step), now); err != nil {
					return err
				}
			}
			if c := r.Creation; c != nil {
				if err := checkSigned(d, a, r, 0, o.Electorate(governance.Step{Members: c.Members, Group: c.Group}), now); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// objects are what the rules of a draft name.
func (d Draft) objects() governance.Objects {
	o := governance.Objects{Groups: d.Groups, Lists: d.Whitelists}
	for _, m := range d.Members {
		if m.Role != statement.Auditor {
			o.Members = append(o.Members, governance.Member{ID: m.Member, Name: m.Name})
		}
	}
	return o
}

// checkSigned writes the statements of a step, or of the creation step (0), for each
// member whom it names.
func checkSigned(d Draft, a DraftAccount, r governance.Rule, step int, members []string, now time.Time) error {
	for _, m := range d.Members {
		if !slices.Contains(members, m.Member) {
			continue
		}
		for _, longest := range longest {
			st, err := sampleStatement(d, a, r, step, m, now, longest(a))
			if err == nil {
				err = fits(st)
			}
			if err != nil {
				return fmt.Errorf("%s could not sign for a request into %s under the rule %q: %w", m.Member, a.Account, r.Name, inDraft(err, a, r.Name, m.Member))
			}
		}
	}
	return nil
}

// inDraft says of what is wrong with a sample where it stands in the draft.
func inDraft(err error, a DraftAccount, rule, member string) error {
	p, ok := statement.Blames(err)
	if !ok {
		return err
	}
	account := "accounts." + a.Account + "."
	path, ok := map[string]string{
		"entity": "entity", "entity_name": "entity_name",
		"member": "members." + member + ".member", "member_name": "members." + member + ".name",
		"step": account + "rules." + rule + ".steps", "governed_by.rule": account + "rules." + rule + ".name",
		"governed_by.version": account + "rules.version",
		"intent.account":      account + "account", "intent.account_name": account + "name", "intent.chain": account + "chain",
	}[p.Field]
	if !ok {
		return err
	}
	return fault.New(fault.StatementInvalid, path+" "+p.Why).With("field", path)
}

// fits encodes a statement, as it is served in a channel, and writes its text.
func fits(a statement.Approval) error {
	data, err := statement.EncodeDecision(a)
	if err != nil {
		return err
	}
	if len(data) > channel.MaxStatement {
		return fault.New(fault.StatementInvalid, "the statement is longer than a channel carries")
	}
	if a.Decision == statement.Initiate {
		_, err = statement.Text(a)
	} else {
		_, err = statement.ListText([]statement.Approval{a}, statement.MaxList)
	}
	return err
}

const longestAmount = "123456789012345.123456789012345678"

var longestID = strings.Repeat("a", 40)

// longest gives, for each kind of intent that rules of an account govern, one with the
// longest values that a request can bring. What changes the vault is bounded as a whole,
// by [intent.MaxSize].
var longest = map[string]func(DraftAccount) intent.Intent{
	intent.KindBuy: func(a DraftAccount) intent.Intent {
		return intent.Buy{
			Kind: intent.KindBuy, V: 1, Account: a.Account, AccountName: a.Name, Provider: strings.Repeat("p", 64), ProviderName: strings.Repeat("界", 64),
			Fiat: intent.Fiat{Amount: longestAmount[:20], Currency: "EUR"}, Crypto: intent.Crypto{Amount: longestAmount, Asset: strings.Repeat("a", 64)},
			Minimum: longestAmount, Chain: a.Chain, Address: strings.Repeat("1", 100), PaymentMethod: strings.Repeat("m", 64), Country: "FR", Quote: "quo_" + longestID,
			Purpose: strings.Repeat("界", name.MaxWords),
		}
	},
	intent.KindTransfer: func(a DraftAccount) intent.Intent {
		most := intent.Crypto{Amount: longestAmount, Asset: strings.Repeat("a", 64)}
		return intent.Transfer{
			Kind: intent.KindTransfer, V: 1, Account: a.Account, AccountName: a.Name, Crypto: most, Chain: a.Chain,
			To: intent.Recipient{Address: strings.Repeat("1", 100)}, MaxFee: most, Purpose: strings.Repeat("界", name.MaxWords),
		}
	},
	intent.KindReplace: func(a DraftAccount) intent.Intent {
		most, longest := intent.Crypto{Amount: longestAmount, Asset: strings.Repeat("a", 64)}, strings.Repeat("1", 100)
		return intent.Replace{
			Kind: intent.KindReplace, V: 1, Account: a.Account, AccountName: a.Name, Request: "req_" + longestID, Action: intent.Cancel, Chain: a.Chain,
			From: longest, Nonce: math.MaxInt32, Crypto: most, To: intent.Recipient{Address: longest}, FeeBefore: most, MaxFee: most, Purpose: strings.Repeat("界", name.MaxWords),
		}
	},
	intent.KindMessage: func(a DraftAccount) intent.Intent {
		const hidden = "\u200b" // 3 bytes, which are shown with 6
		return intent.Message{
			Kind: intent.KindMessage, V: 1, Account: a.Account, AccountName: a.Name, Chain: a.Chain, Address: "0x52908400098527886E0F7030069857D2E4169EE7",
			Text: strings.Repeat(hidden, (intent.MaxShown-1024)/6), Purpose: strings.Repeat("界", name.MaxWords),
		}
	},
}

// sampleStatement is an approval of a step, or at step 0 an initiation.
func sampleStatement(d Draft, a DraftAccount, rule governance.Rule, step int, m statement.GenesisMember, now time.Time, wants intent.Intent) (statement.Approval, error) {
	hash := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	at := now.Unix()
	doc, err := intent.Encode(wants)
	st := statement.Approval{
		V: 2, Type: "approval", Entity: d.Entity, EntityName: d.EntityName, Request: "req_" + longestID, Step: step,
		Decision: statement.Approve, Member: m.Member, MemberName: m.Name, Key: hash,
		GovernedBy: statement.GovernedBy{RuleSet: a.Account, Version: a.Rules.Version, Digest: a.Rules.Digest(), Rule: rule.Name, UseWithin: 90*24*3600 - 1},
		Intent:     doc,
		Nonce:      strings.Repeat("0", 64), IssuedAt: at, NotBefore: at, Expires: at + 1,
		Channel: hash, Log: statement.Log{Size: 1, Head: hash},
	}
	_, sends := wants.(intent.Sender)
	_, signs := wants.(intent.Messenger)
	if (sends || signs) && step > 0 {
		st.Effects = hash
	}
	switch {
	case step == 0:
		st.Decision = statement.Initiate
	case rule.Creation != nil:
		st.Initiator, st.InitiatorName = "mem_"+longestID, strings.Repeat("界", 64)
	}
	return st, err
}
