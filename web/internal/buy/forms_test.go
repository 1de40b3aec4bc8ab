package buy

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
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
	// a URL beside, which is no reason to read nothing else
	in("amount:999,url:https://a.example"), in(`cb({"u":"https://a.example","amount":999})`), in("amount: 999\nurl: https://a.example"), in("url = \"https://a.example\"\namount = 999"), in(`<order xmlns="http://a.example/x"><amount>999</amount></order>`), in(`<o xmlns:x="http://a.example"><x:walletAddress>OTHER</x:walletAddress></o>`),
	in(`cfg={"u":"https://a","walletAddress":"OTHER"}`), in(`window.init({"logo":"https://a/x.png","currency":"USD"});`), "/?c=" + b64(`<order xmlns="http://a.example/x"><amount>999</amount></order>`), "/?c=" + b64("logo: https://a.example/l.png\ncurrency: USD\n"), in(`(amount:999,u:'https://a')`), in("amount=999;u=https://a"), in("u=https://a&amount=999"), in("https://a|amount=999"), in(`/*https://a*/cb({"amount":999})`), in("{u:https://a.example/x,amount:999}"),
	in(`https://a.example/%zz?amount=999&walletAddress=OTHER`), in(`https://a.example/x y?amount=999`), in(`https://[a/?amount=999`), in(`https://a.example/100%/?currency=USD`), in("see https://a.example/?amount=999 first"), in("https://a.example/#/pay?walletAddress=OTHER"), in("https://a.example:amount=999"), "/?next=" + url.QueryEscape("https://a.example/ö/?amount=999"),
	in("doc <order><amount>999</amount></order>"), in("logo: 'https://a/b.png'\ncurrency: USD"), in("javascript:pay({amount:999})"), in(`{"u":"see https://a?amount=999"}`),
	// base64 behind and before whatever separates it, with characters that cannot be read
	"/?c=" + b64("{\"name\":\"Jos\xe9\",\"walletAddress\":\""+theirs+"\"}"), "/?c=" + b64("{\"name\":\"a\u200bb\",\"walletAddress\":\""+theirs+"\"}"), "/?c=" + b64("\ufeff{\"walletAddress\":\""+theirs+"\"}"), "/?c=" + b64(`{"label":"👨‍👩‍👧","amount":999}`), "/?c=" + b64("n=Zo\xeb&amount=999"), "/?c=" + b64("\x01\x02{\"amount\":999,\"fiat\":\"EUR\"}"), "/?c=" + b64("{\x00\"\x00a\x00m\x00o\x00u\x00n\x00t\x00\"\x00:\x009\x009\x009\x00}\x00"),
	"/?s=" + b64(`{"alg":"none"}`) + "." + b64("{\"name\":\"Zo\xeb\",\"walletAddress\":\""+theirs+"\"}") + ".x", "/?s=v4.public." + b64(`{"walletAddress":"`+theirs+`"}`+"\xff\x01\x02\x90\x81\x13\xee\xc2\xa9\x03\x11\x7f\xd0\xe9"), "/?s=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(`{"walletAddress":"`+theirs+`"}`))) + "--" + random[:40],
	"/?s=" + b64(`{"walletAddress":"`+theirs+`"}`) + ":1tXyZa:c2lnbmF0dXJl", "/?s=" + b64(`{"amount":999}`) + "~x", "/?s=s%3A" + b64(`{"walletAddress":"OTHER"}`) + ".c2ln", "/?s=b64_" + b64(`{"amount":999}`), "/?s=v1:" + b64(`{"walletAddress":"OTHER"}`), "/?s=" + b64(`{"amount":999}`) + "|1795208400|c2ln", "/?s=" + b64(`{"walletAddress":"OTHER"}`) + "/c2ln", "/?s=" + b64(`{"walletAddress":"OTHER"}`) + "-c2ln", "/?s=" + b64(`{"amount":999}`) + ",x", "/?s=data" + b64(`{"amount":999}`), "/s/" + b64(`{"walletAddress":"OTHER"}`), "/#state=" + b64(`{"amount":999}`), "/?s=" + b64(`{"amount":999}`) + "*" + random[:20], "/?s=$1$" + b64("amount=999&currency=USD") + "$", "/?s=" + random[:8] + "." + hex.EncodeToString([]byte(`{"amount":999}`)), "/?s=" + packedBase64("gzip", `{"walletAddress":"`+theirs+`"}`), "/?s=" + packedBase64("zlib", `{"amount":999,"currency":"EUR"}`),
	"/?s=" + b64("a\x00amount=999"), "/?s=" + b64("\xff\xfe{\x00\"\x00a\x00m\x00t\x00\"\x00:\x009\x009\x009\x00}\x00"), "/?s=" + random[:16] + b64(`{"amount":999}`), "/?s=" + b64(`{"amount":999}`) + "+x",
	// names are read like values, and what stands without a name
	"/?" + b64(`{"walletAddress":"`+theirs+`"}`), "/?" + base64.StdEncoding.EncodeToString([]byte(`{"amount":999,"a":1}  `)), "/?x[" + b64(`{"amount":999,"fiat":"EUR"}`) + "]=1", "/#?" + b64(`{"walletAddress":"OTHER"}`), "/#" + b64(`{"amount":999}`), in(`{"` + b64(`{"amount":999,"fiat":"EUR"}`) + `":1}`), in(`{"amount=999":1}`), in(`{"{\"amount\":999}":1}`), in(`{"` + b64(`{"walletAddress":"OTHER"}`) + `":{"a":1}}`), "/?999EUR", "/?999%20EUR", "/?usd", "/?USDT", "/?sell", "/?polygon", "/?arbitrum-one&x=1", "/?x=1&offramp", "/?amount:999", "/?c;amount,999", "/amount-999", "/amount_999/card", "/?buy;total-999=1",
	in("{amount,999}"), in("((amount . 999))"), in("amount<-999"), in("<amount>999"), in("amount\u00a0999"), in("amount：999"), in("amount＝999"), in("--amount 999"),
	// other languages, escapes, what stops a decoder
	in(`a:1:{s:6:"amount";i:999;}`), in(`a:1:{s:13:"walletAddress";s:5:"OTHER";}`), in(`O:5:"Order":1:{s:5:"total";d:999.5;}`), in(`{:amount=>999}`), in(`{:amount 999, :theme "dark"}`), in(`%{amount: 999}`), in(`{"\u0061mount":999,theme:dark}`), in(`{"\x61mount":999,theme:dark}`), in(`am\u006funt=999`), in(`%7B"amount":999%7D%`), in(`%7B%22walletAddress%22:%22OTHER%22%7D%`), in(`100%&amount%3D999`), in("amount\t999"), "/?x=%7B%22amount%22:999%7D%", "/?amount%=1&fiatAmount%3d=999",
	"/?x=XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "/?x=" + url.QueryEscape("XE73 38O0 73KY GTWW ZN0F 2WZ0 R8PX 5ZPP ZS"),
}

var ourForms = []string{
	in("amount:250,currency:EUR"), in(`cb({"amount":250})`), in(`[{"key":"walletAddress","value":"` + ours + `"}]`), in(`[{"name":"theme","value":"dark"}]`), in(`{theme:{}}`), in(`{amount:250}`),
	in(`<order><amount>250</amount></order>`), in(`<svg width="12"/>`), in("theme: dark\nlang: en"), in("theme:dark,lang:en"), in(`{"account":{"type":"personal"}}`), in(`{"q":"amount=250&theme=dark"}`),
	"/buy;amount=250", "/buy;jsessionid=8f14e45fceea167a", "/#amount=250", "/?amount[]=250", "/?order[amount]=250", "/?p[0][name]=theme&p[0][value]=dark", "/?nw=ethereum", "/?amnt=250", "/?ccy=EUR",
	in("12:30"), in("a:b"), in("v1:8f14e45f:c2ln"), in("t=1795208400,v1=5257a869e7"), in("16:9"), in("urn:uuid:6f9619ff-8b86-d011-b42d-00c04fc964ff"), in("2026-11-20T10:00:00Z"), in("rgb(12,30,255)"), in("#ff00aa"), in("Hello, world: welcome"), in("translate(10px,20px)"),
	in("max-age=3600, public"), in("font-family:Inter;color:#222"), in("(min-width: 600px)"), in("sort:asc,page:2"), in(":)"), "/?sort=amount:desc", "/?order_by=total:asc", in("Mozilla/5.0 (X11; Linux x86_64)"), in("{{name}}"), in("{6f9619ff-8b86-d011-b42d-00c04fc964ff}"), in("[object Object]"), in("<none>"),
	in("amount,250"), in("the amount is €250 today"), in("amount/250"), in("theme,dark,amount,250"), in("amount, currency, country"), in("walletAddress," + ours), in("amount,currency"), in("walletAddress,amount,currency"), "/?hide=amount,address", "/?locked=amount/walletAddress", "/?title=Amount+2+of+3", in("step/2/amount"), in("max,999"), in("enter the amount and 2 more"), in("form.amount v2"),
	in("amount:250,url:https://a.example"), in(`<order xmlns="http://a.example/x"><amount>250</amount></order>`), in(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"/>`), "/?logo=" + url.QueryEscape(`data:image/svg+xml;utf8,<svg xmlns="http://www.w3.org/2000/svg"><circle cx="12.50"/></svg>`), in("see https://a.example/?amount=250 first"), in("https://a.example/100%/"),
	"/?s=" + b64(`{"walletAddress":"`+ours+`"}`) + ":1tXyZa:c2lnbmF0dXJl", "/?s=v4.public." + b64(`{"amount":250}`+"\xff\x01\x02\x90\x81\x13\xee\xc2\xa9\x03"), "/?s=" + b64("{\"name\":\"Jos\xe9\",\"amount\":250}"), "/?s=" + b64(`{"label":"👨‍👩‍👧","amount":250}`), "/?s=" + packedBase64("gzip", `{"walletAddress":"`+ours+`"}`), "/?" + b64(`{"amount":250}`), "/?ethereum", "/?buy", "/?eth", "/?250EUR", "/?embed&dark", "/?base", "/?scroll&near", "/amount-250", "/step-2-amount-of-3", "/?x[" + b64(`{"theme":"dark","lang":"en"}`) + "]=1",
	in(`a:1:{s:6:"amount";i:250;}`), in(`{:amount=>250}`), in(`{:theme=>"dark"}`), in(`a:2:{s:5:"theme";s:4:"dark";s:4:"step";i:2;}`), in(`{"\u0061mount":250,theme:dark}`), in(`%7B"amount":250%7D%`), in("100%"), in("amount\t250"), "/?s=" + random + "." + b64("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"),
	in("{amount,250}"), in("nwLMWjnUDkyVomb8RQ=="), in("KEkKWGRxckSkYAWtNw=="), in("Total <b>250</b> EUR"), in("top 10"), "/?s=" + b64("\x08\x01\x12\x0aorder_8812\x1a\x03EUR\x20\xfa\x01"), "/?x=" + b64("order=ord_1&fiat=EUR&amount=250") + "." + random, in("1 ETH = 2674.10 EUR"),
	// the addresses of other sites' pages to come back to
	"/?redirectUrl=" + url.QueryEscape("https://dash.example/accounts/acc_aaaaaaaaaaaaaaaaaaaaaaaaaa/orders/ord_aaaaaaaaaaaaaaaaaaaaaaaaaa?provider=alpha"), "/?return=" + url.QueryEscape("https://dash.example/wallet/6f9619ff-8b86-d011-b42d-00c04fc964ff/done"), "/?redirectUrl=" + url.QueryEscape("https://dash.example/network/base/portfolio"), "/?redirectURL=" + url.QueryEscape("https://dash.example/portfolio?currency=USD&view=all"), "/?returnUrl=" + url.QueryEscape("https://dash.example/base/portfolio?tab=usdc&displayCurrency=USD"), "/?redirectURL=" + url.QueryEscape("https://dash.example/cb?amount={{baseCurrencyAmount}}&currency={{currencyCode}}&tx={{transactionId}}"), "/?successUrl=" + url.QueryEscape("https://dash.example/cb?session={CHECKOUT_SESSION_ID}&amount={amount}&address={walletAddress}"), "/?webhook=" + url.QueryEscape("https://dash.example/cb?wallet=$WALLET&amount=:amount"), "/?finalUrl=" + url.QueryEscape("https://dash.example/done?amount=250&status=paid"), in(`{"redirects":{"successful":"https://dash.example/wallets/8812/activity","failed":"https://dash.example/pay/12"}}`), "/?backUrl=" + url.QueryEscape("https://shop.example/pay/1234?sell=0"),
	"/?logoURI=" + url.QueryEscape("https://raw.example/trustwallet/assets/blockchains/ethereum/assets/0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48/logo.png"),
}

// packedBase64 is a text compressed, and in base64.
func packedBase64(how, text string) string {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if how == "zlib" {
		w = zlib.NewWriter(&b)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b64(b.String())
}

// TestAPageToComeBackToIsStillCompared: where it says another deposit address or amount,
// and where it is the provider's own.
func TestAPageToComeBackToIsStillCompared(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"https://dash.example/done?walletAddress=" + theirs, "https://dash.example/w/" + theirs, "https://dash.example/done?amount=999", "https://dash.example/?walletAddress=OTHER", "https://pay.alpha.example/buy?currency=USD", "https://PAY.alpha.example/buy?network=polygon", "https://pay.alpha.example/wallet/OTHER", "/buy?currency=USD",
	} {
		for _, name := range []string{"redirectUrl", "return_url", "successRedirect"} {
			if judged(t, anOrder(), "/?"+name+"="+url.QueryEscape(to)) == "" {
				t.Errorf("%s=%s passes", name, to)
			}
		}
	}
	for _, to := range []string{"https://other.example/buy?currency=USD", "https://other.example/wallet/OTHER"} {
		if judged(t, anOrder(), "/?next="+url.QueryEscape(to)) == "" {
			t.Errorf("%s passes as what comes next", to)
		}
	}
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
