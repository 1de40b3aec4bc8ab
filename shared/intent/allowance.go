//go:build !js || verify

package intent

import (
	"math/big"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/eip712"
)

// LabelAllows is the label of what a message is known to allow.
const LabelAllows = "Allows"

// permit2 is the address of the contract Permit2 on each chain.
const permit2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"

// known are the messages, by how EIP-712 encodes their types, that this program can say in
// words, because each has one meaning in all contracts that follow its standard.
var known = map[string]func(Message, eip712.Data) []Line{
	"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)":                                                                 permit,    // ERC-2612
	"Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)":                                                                   daiPermit, // of DAI, before ERC-2612
	"PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)":  permitLasting,
	"PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)": permitLasting,
	"PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)TokenPermissions(address token,uint256 amount)":        permitOnce,
	"PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)TokenPermissions(address token,uint256 amount)": permitOnce,
	"TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)":                              authorized, // ERC-3009
	"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)":                               authorized,
}

// markets are the primary types of messages that give away assets, of which the fields alone
// say what.
var markets = map[string]string{
	"OrderComponents": "this is an order of a market (Seaport): whoever fills it takes what it offers, even for nothing",
	"BulkOrder":       "these are orders of a market (Seaport): whoever fills them takes what they offer, even for nothing",
	"Order":           "this is an order of a market: whoever fills it takes what it offers, even for nothing",
}

// allows says what typed data is known to allow, or warns that nobody here knows.
func (m Message) allows(d eip712.Data) []Line {
	if say := known[d.EncodeType(d.Primary)]; say != nil {
		return say(m, d)
	}
	if strings.HasPrefix(d.Primary, "PermitWitnessTransferFrom") || strings.HasPrefix(d.Primary, "PermitBatchWitnessTransferFrom") {
		if all := witnessed(m, d); all != nil {
			return append(all, warning("it has more fields, a witness, which only the spender's contract reads"))
		}
	}
	if why, ok := markets[d.Primary]; ok {
		return []Line{warning(why)}
	}
	why := "what this message allows is known to the contract alone: signing it may give away assets of the account"
	if strings.Contains(strings.ToLower(d.Primary), "permit") {
		why = "this is called a permit, and is none that is known here: signing it may give away assets of the account"
	}
	return []Line{warning(why)}
}

func at(v eip712.Value, name string) eip712.Value {
	f, _ := v.Field(name)
	return f
}

// permit is an allowance of a token by ERC-2612.
func permit(m Message, d eip712.Data) []Line {
	token := at(d.Domain, "verifyingContract").Text
	all := []Line{m.may(at(d.Message, "spender"), m.units(token, at(d.Message, "value")), ", at any time, without asking again")}
	return append(append(all, by(at(d.Message, "deadline"))), m.owner(at(d.Message, "owner"))...)
}

func daiPermit(m Message, d eip712.Data) []Line {
	token := m.token(at(d.Domain, "verifyingContract").Text)
	all := []Line{{Label: LabelAllows, Value: Groups(at(d.Message, "spender").Text) + " to take nothing more of " + token + " out of this account"}}
	if at(d.Message, "allowed").Text == "true" {
		all[0] = m.may(at(d.Message, "spender"), withoutLimit(token), ", at any time, without asking again")
	}
	expiry := at(d.Message, "expiry")
	if expiry.Text == "0" { // as DAI has it
		expiry.Text = forever
	}
	return append(append(all, by(expiry)), m.owner(at(d.Message, "holder"))...)
}

// permitLasting are allowances in Permit2, each until a time of its own.
func permitLasting(m Message, d eip712.Data) (all []Line) {
	for _, one := range each(at(d.Message, "details")) {
		until := ", until " + moment(at(one, "expiration")) + ", without asking again"
		if at(one, "expiration").Text == "0" { // as Permit2 has it
			until = ", in the block in which the signature is used"
		}
		all = append(all, m.may(at(d.Message, "spender"), m.units(at(one, "token").Text, at(one, "amount")), until))
	}
	return append(append(all, by(at(d.Message, "sigDeadline"))), trusts(d)...)
}

// permitOnce are transfers by Permit2, to whomever the spender says.
func permitOnce(m Message, d eip712.Data) (all []Line) {
	for _, one := range each(at(d.Message, "permitted")) {
		all = append(all, m.may(at(d.Message, "spender"), m.units(at(one, "token").Text, at(one, "amount")), ", once, for whomever it says"))
	}
	return append(append(all, by(at(d.Message, "deadline"))), trusts(d)...)
}

// witnessed is [permitOnce] of what has the same fields, and more; nil: it has others.
func witnessed(m Message, d eip712.Data) []Line {
	for name, typ := range map[string]string{"spender": "address", "nonce": "uint256", "deadline": "uint256"} {
		if at(d.Message, name).Type != typ {
			return nil
		}
	}
	permitted := strings.TrimSuffix(at(d.Message, "permitted").Type, "[]")
	if permitted != "TokenPermissions" || d.EncodeType(permitted) != "TokenPermissions(address token,uint256 amount)" {
		return nil
	}
	return permitOnce(m, d)
}

// authorized is a payment by ERC-3009.
func authorized(m Message, d eip712.Data) []Line {
	who := "whoever has the signature"
	if strings.HasPrefix(d.Primary, "Receive") {
		who = "the recipient"
	}
	what := m.units(at(d.Domain, "verifyingContract").Text, at(d.Message, "value"))
	all := []Line{{Label: LabelAllows, Value: who + " to send " + what + " out of this account to " + Groups(at(d.Message, "to").Text) + ", once"}}
	if after := at(d.Message, "validAfter"); after.Text != "0" {
		all = append(all, Line{Label: "Not before", Value: moment(after)})
	}
	return append(append(all, by(at(d.Message, "validBefore"))), m.owner(at(d.Message, "from"))...)
}

// each are the elements of a list, or the one value.
func each(v eip712.Value) []eip712.Value {
	if v.Kind == eip712.List {
		return v.Items
	}
	return []eip712.Value{v}
}

func (m Message) may(spender eip712.Value, what, until string) Line {
	return Line{Label: LabelAllows, Value: Groups(spender.Text) + " to take " + what + " out of this account" + until}
}

// owner warns where a message is about the assets of another address.
func (m Message) owner(of eip712.Value) []Line {
	if of.Text == m.Address {
		return nil
	}
	return []Line{warning("the assets are those of another address than the account's own: " + Groups(of.Text))}
}

// trusts warns where a message of Permit2 is for another contract.
func trusts(d eip712.Data) []Line {
	if at(d.Domain, "verifyingContract").Text == permit2 {
		return nil
	}
	return []Line{warning("the contract in the domain is not Permit2, whose messages look like this")}
}

// forever is a time that no signature lives to see.
const forever = "115792089237316195423570985008687907853269984665640564039457584007913129639935"

// by says until when a signature can be used.
func by(deadline eip712.Value) Line {
	return Line{Label: "Usable until", Value: moment(deadline)}
}

// moment is a time in Unix seconds; beyond the year 9999 it does not matter.
func moment(v eip712.Value) string {
	const last = 253402300800
	n := v.Number()
	if n.Cmp(big.NewInt(last)) >= 0 {
		return "the end of time"
	}
	return time.Unix(n.Int64(), 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// unlimited is more than any token has in units: what is allowed up to there has no limit.
var unlimited = new(big.Int).Lsh(big.NewInt(1), 128)

// units is an amount of a token in words.
func (m Message) units(contract string, v eip712.Value) string {
	if v.Number().Cmp(unlimited) >= 0 {
		return withoutLimit(m.token(contract))
	}
	if a, ok := m.asset(contract); ok {
		if n, err := amount.FromUnits(v.Text, a.Places); err == nil {
			return "up to " + Crypto{n.Trim().String(), a.ID}.text()
		}
	}
	return "up to " + thousandsOf(v.Text) + " of the smallest unit of " + m.token(contract)
}

func withoutLimit(token string) string { return "any amount, without limit, of " + token }

// token names a token by its contract.
func (m Message) token(contract string) string {
	if a, ok := m.asset(contract); ok {
		return unit(a.ID)
	}
	return "the token at " + Groups(contract)
}

func (m Message) asset(contract string) (asset.Asset, bool) {
	for _, a := range asset.OnChain(m.Chain) {
		if contract != "" && strings.EqualFold(a.Contract(), contract) {
			return a, true
		}
	}
	return asset.Asset{}, false
}
