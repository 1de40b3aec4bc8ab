package buy

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"testing"
)

func in(value string) string { return "/?x=" + url.QueryEscape(value) }

// otherForms says another purchase in forms that pages are known to read; ourForms
// are of the same forms, and say ours or nothing. Both were written before the readers
// that they try: 39 of the first 72 passed then; the misspelled names came later.
var otherForms = []string{
	// lists of a name and its value, with the separators that people choose
	in("amount:999,currency:EUR"), in("amount=999;fiat=EUR"), in("amount:999|theme:dark"), in("walletAddress:OTHER,theme:dark"), in("theme:dark amount:999"), in("amount->999"), in("amount~999"),
	// a name and its value next to each other, whatever is between them
	in("amount,999"), in("amount/999"), in("amount;999"), in("amount is 999"), in("!!amount:999"), in("amount 999"), in("the amount is €999 today"), in("amount|999"), in("theme,dark,amount,999"), in("amount equals 999"), in("amount, 999"), in("#amount;999"), in("fiatAmount+999"), in("amount!999"), in("amount*999"), in("amount@999"), in("amount: is 999"), "/?c=" + b64("amount,999"), "/x/amount,999", "/#/amount;999", in("walletAddress,OTHER"), in("walletAddress/OTHER"), in("wallet_address;OTHER"), in("total/999"),
	// a call, an assignment, a comment around JSON
	in(`cb({"amount":999})`), in(`window.init({"walletAddress":"OTHER"});`), in(`cfg={"amount":999}`), in(`)]}',{"amount":999}`), in(`/**/cb({"amount":999})`),
	// lists whose items have a name and a value
	in(`[{"key":"walletAddress","value":"OTHER"}]`), in(`[{"name":"amount","value":"999"}]`), in(`[{"k":"fiat","v":"USD"}]`), in(`[["amount","999"],["theme","dark"]]`), in(`["amount",999]`), in(`{"field":"walletAddress","data":"OTHER"}`),
	// the outer word gives the meaning
	in(`{"account":{"id":"acct_1032D82eZvKYlo2C"}}`), in(`{"amount":{"v":999}}`), in(`{"recipient":{"ref":"OTHER"}}`), in(`{"fiat":{"id":"USD"}}`),
	// not quite JSON
	in(`{walletAddress:{}}`), in(`{amount:999}`), in(`{'amount':'999'}`), in(`{amount:999,}`), in(`{"amount":999`), in(`{/*x*/"amount":999}`), in(`{amount=999}`),
	// other languages
	in(`<order><amount>999</amount></order>`), in(`<order amount="999"/>`), in(`<p name="walletAddress">OTHER</p>`), in("amount: 999\ntheme: dark"), in("---\nwallet:\n  address: OTHER\n"), in("amount = 999\ntheme = \"dark\""), in(`(amount 999)`),
	// one in the other
	in(`{"q":"amount=999&theme=dark"}`), in(`q={"amount":999}`), in(`{"q":"{\"amount\":999}"}`), "/?c=" + b64("amount=999&theme=dark"), "/?c=" + b64("<a><amount>999</amount></a>"), "/?c=" + b64("amount:999,theme:dark"), "/?c=" + base64.StdEncoding.EncodeToString([]byte(`cb({"amount":999})`)), "/?c=" + hex.EncodeToString([]byte("{amount:999}")),
	// places in an address
	"/buy;amount=999", "/buy;a=1;walletAddress=OTHER/next", "/#amount=999", "/#/buy;amount=999", "/walletAddress/OTHER", "/amount=999/buy", "/amount:999/buy",
	// repeated and indexed names
	"/?amount[]=999", "/?amount[0]=999", "/?amount.0=999", "/?order[amount]=999", "/?order.amount=999", "/?order__amount=999", "/?order%5Bwallet%5D%5Baddress%5D=OTHER", "/?amount=250&amount.1=999", "/?p[0][name]=amount&p[0][value]=999",
	// short words
	"/?amnt=999", "/?nw=polygon", "/?ntwk=polygon", "/?curr=USD", "/?ccy=USD", "/?wllt=OTHER", "/?addrs=OTHER", "/?rcvr=OTHER", "/?qnty=5", "/?dest=OTHER",
	"/?amonut=999", "/?reciever=OTHER", "/?wallt=OTHER", "/?addres=OTHER",
	"/?x=XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "/?x=" + url.QueryEscape("XE73 38O0 73KY GTWW ZN0F 2WZ0 R8PX 5ZPP ZS"),
}

var ourForms = []string{
	in("amount:250,currency:EUR"), in(`cb({"amount":250})`), in(`[{"key":"walletAddress","value":"` + ours + `"}]`), in(`[{"name":"theme","value":"dark"}]`), in(`{theme:{}}`), in(`{amount:250}`),
	in(`<order><amount>250</amount></order>`), in(`<svg width="12"/>`), in("theme: dark\nlang: en"), in("theme:dark,lang:en"), in(`{"account":{"type":"personal"}}`), in(`{"q":"amount=250&theme=dark"}`),
	"/buy;amount=250", "/buy;jsessionid=8f14e45fceea167a", "/#amount=250", "/?amount[]=250", "/?order[amount]=250", "/?p[0][name]=theme&p[0][value]=dark", "/?nw=ethereum", "/?amnt=250", "/?ccy=EUR",
	in("12:30"), in("a:b"), in("v1:8f14e45f:c2ln"), in("t=1795208400,v1=5257a869e7"), in("16:9"), in("urn:uuid:6f9619ff-8b86-d011-b42d-00c04fc964ff"), in("2026-11-20T10:00:00Z"), in("rgb(12,30,255)"), in("#ff00aa"), in("Hello, world: welcome"), in("translate(10px,20px)"),
	in("max-age=3600, public"), in("font-family:Inter;color:#222"), in("(min-width: 600px)"), in("sort:asc,page:2"), in(":)"), "/?sort=amount:desc", "/?order_by=total:asc", in("Mozilla/5.0 (X11; Linux x86_64)"), in("{{name}}"), in("{6f9619ff-8b86-d011-b42d-00c04fc964ff}"), in("[object Object]"), in("<none>"),
	in("amount,250"), in("the amount is €250 today"), in("amount/250"), in("theme,dark,amount,250"), in("amount, currency, country"), in("walletAddress," + ours), in("amount,currency"), in("walletAddress,amount,currency"), "/?hide=amount,address", "/?locked=amount/walletAddress", "/?title=Amount+2+of+3", in("step/2/amount"), in("max,999"), in("enter the amount and 2 more"), in("form.amount v2"),
}

func TestAnotherPurchaseIsSeenInEveryFormThatAPageReads(t *testing.T) {
	t.Parallel()
	for _, tail := range otherForms {
		if judged(t, anOrder(), tail) == "" {
			t.Errorf("%s passes", tail)
		}
	}
	for _, tail := range ourForms {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
}
