package buy

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"countersign/shared/quote"
)

const (
	ours   = "0x52908400098527886E0F7030069857D2E4169EE7"
	theirs = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
	btc    = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	random = "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
)

func anOrder() quote.HandOff {
	return quote.HandOff{Order: "ord_1", Provider: "alpha", Crypto: "0.09348948", Input: quote.Input{
		From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR", Dest: ours}}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func judged(t testing.TB, o quote.HandOff, tail string) string {
	t.Helper()
	u, err := url.Parse("https://pay.alpha.example" + tail)
	if err != nil {
		return err.Error()
	}
	found, err := contradictions(u, o, nil)
	if err != nil {
		return err.Error()
	}
	return inWords(found)
}

func TestWhatContradictsTheOrderIsRefusedUnderAnyName(t *testing.T) {
	t.Parallel()
	json := `{"wallets":[{"chain":"ethereum","to":"` + theirs + `"}]}`
	for tail, about := range map[string]string{
		"/?userAddress=" + theirs: aboutAddress, "/?userAddress=OTHER": aboutAddress, "/?walletAddresses=": aboutAddress, "/?wallet-address": aboutAddress,
		"/?walletaddress=": aboutAddress, "/?toaddress=OTHER": aboutAddress, "/?wallet_address_0=": aboutAddress, "/?receiver=OTHER": aboutAddress, "/?%5BaccountAddress%5D=OTHER": aboutAddress,
		"/?x=a%2F" + theirs: aboutAddress, "/?walletAddress=%00": aboutAddress,
		"/?walletAddress=null": aboutAddress, "/?x=" + theirs: aboutAddress, "/?x=" + strings.ToLower(theirs): aboutAddress, "/?to=0X" + theirs[2:]: aboutAddress,
		"/?walletAddress=" + theirs[2:]: aboutAddress, "/?x=" + btc: aboutAddress, "/?x=" + strings.ToUpper(btc): aboutAddress, "/?q=1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": aboutAddress,
		"/?q=TJRabPrwbZy45sbavfcjinPJC18kjpRTv8": aboutAddress, "/?q=rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh": aboutAddress, "/?q=vitalik.eth": aboutAddress,
		"/?q=15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5": aboutAddress, "/?address=EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": aboutAddress,
		"/?x=eip155:1:" + theirs: aboutAddress, "/?x=ethereum:" + theirs: aboutAddress, "/?walletAddress=" + ours + "," + theirs: aboutAddress,
		"/?walletAddress=" + ours + "&walletAddress=" + ours: aboutAddress, "/?walletAddress=" + ours + "&walletaddress=" + theirs: aboutAddress,
		"/buy/" + theirs: aboutAddress, "/buy;to=" + theirs: aboutAddress, "/#/buy?walletAddress=" + theirs: aboutAddress, "/#x=" + theirs: aboutAddress, "/#!/buy/" + theirs: aboutAddress,
		"/?a=1?x=" + theirs: aboutAddress, "/?x=%2530x" + theirs[2:]: aboutAddress, "/?x=" + url.QueryEscape(url.QueryEscape(url.QueryEscape("a="+theirs))): aboutAddress,
		"/?next=" + url.QueryEscape("https://pay.alpha.example/w?walletAddress="+theirs): aboutAddress,
		"/?config=" + url.QueryEscape(json):                                              aboutAddress, "/?config=" + b64(json): aboutAddress, "/?session=" + b64(`{"alg":"none"}`) + "." + b64(json) + ".x": aboutAddress,
		"/?config=" + url.QueryEscape(`{"a":"`+ours+`","a":"`+theirs+`"}`): aboutAddress, "/?walletAddresses=" + url.QueryEscape(`{"ETH":""}`): aboutAddress,
		"/?walletAddresses=" + url.QueryEscape(`{"ETH":"`+ours+`","BTC":"`+btc+`"}`): aboutAddress, "/?contractAddress=0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48": aboutAddress,

		"/?baseCurrencyAmount=999": aboutAmount, "/?amount=250.01": aboutAmount, "/?amount=": aboutAmount, "/?fiatAmount=2.5e3": aboutAmount, "/?AMOUNT=1": aboutAmount,
		"/?cryptoAmount=250": aboutAmount, "/?quoteCurrencyAmount=0.2": aboutAmount, "/?total=1,000.00": aboutAmount, "/?sum=999EUR": aboutAmount, "/?x=999%20EUR": aboutAmount,
		"/?x=EUR:999": aboutAmount, "/?x=%E2%82%AC999": aboutAmount, "/?p=999.00": aboutAmount, "/?defaultAmount=99": aboutAmount, "/?amountInCents=25001": aboutAmount,
		"/?order=" + url.QueryEscape(`{"amount":{"value":999,"currency":"EUR"}}`): aboutAmount, "/?amount=250&amount=250": aboutAmount, "/#/pay?spend=999": aboutAmount,

		"/?value=999": aboutAmount, "/?AMOUNT%5B%5D=999": aboutAmount, "/?amount=0x3E7": aboutAmount, "/?amount=%D9%A9%D9%A9": aboutAmount, "/?fiatamount=999": aboutAmount,
		"/?code=usdt": aboutAsset, "/?cryptocode=doge": aboutAsset, "/?currencycode=USDT": aboutAsset, "/?currencyName=bitcoin": aboutAsset, "/?cryptoCurrency=eth-arbitrum": aboutAsset, "/?coin=BTC,ETH": aboutAsset,
		"/?currencyCode=usdt": aboutAsset, "/?currency=": aboutAsset, "/?cryptoCurrency=shib": aboutAsset, "/?fiat=USD": aboutAsset, "/?token=USDT": aboutAsset, "/?c=erc20:usdt": aboutAsset, "/?c=BTC.BTC": aboutAsset, "/?c=USD%2FETH": aboutAsset, "/?walletaddr=OTHER": aboutAddress, "/?payoutwallet=OTHER": aboutAddress, "/?c=usdt": aboutAsset,
		"/?to=bitcoin": aboutAsset, "/?q=USD": aboutAsset, "/buy/usdt": aboutAsset, "/?asset=eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48": aboutAddress,
		"/?symbol=ETH_BTC": aboutAsset, "/?network=polygon": aboutAsset, "/?chainId=137": aboutAsset, "/?pair=BTC-EUR": aboutAsset, "/?defaultCurrencyCode=btc": aboutAsset,
	} {
		got := judged(t, anOrder(), tail)
		if !strings.Contains(got, "another "+about) {
			t.Errorf("%s: %q, want another %s", tail, got, about)
		}
		if strings.Contains(got, theirs[2:]) || strings.Contains(got, btc) {
			t.Errorf("%s: the value is told: %s", tail, got)
		}
	}
}

func TestWhatDoesNotContradictTheOrderPasses(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{
		"/", "/widget?order=ord_1&theme=dark", "/?walletAddress=" + ours + "&amount=250&cryptoCurrency=ETH", "/?walletAddress=" + strings.ToLower(ours), "/?address=" + ours[2:],
		"/?walletAddresses=" + url.QueryEscape(`{"ETH":"`+ours+`"}`), "/?walletAddresses=ETH:" + ours, "/?walletAddresses=" + b64(`{"ETH":"`+ours+`","network":"ethereum"}`),
		"/?x=eip155:1:" + ours, "/?baseCurrencyAmount=250.00&baseCurrencyCode=eur&currencyCode=eth&quoteCurrencyAmount=0.0935", "/?amount=250%20EUR", "/?fiatAmount=2.5e2",
		"/?amountInCents=25000", "/?amount=0.09348948", "/?network=ethereum", "/?network=ERC20", "/?chainId=1", "/?cryptoCurrencyCode=ETH_ETHEREUM", "/?pair=eth-eur", "/?tokenAddress=0x0000000000000000000000000000000000000000",
		"/?order=" + url.QueryEscape(`{"amount":{"value":250,"currency":"EUR"},"wallet":{"address":"`+ours+`","memo":""}}`),
		// what is not part of the purchase
		"/?apiKey=pk_live_" + random + "&signature=" + random, "/?signature=" + random[:40], "/?sig=c2lnbmF0dXJl%2BzEKZz%2F0%3D", "/?hash=0x" + random, "/?hmac=" + random,
		"/?sessionId=6f9619ff-8b86-d011-b42d-00c04fc964ff", "/?session=EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "/?s=" + random[:40], "/pay/EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
		"/?token=" + b64(`{"alg":"HS256","typ":"JWT"}`) + "." + b64(`{"iat":1795208400,"exp":1795212000,"sub":"user_7","jti":"8f14e45f"}`) + ".c2ln", "/?t=1795208400123", "/?timestamp=2026-11-20T21:00:00Z",
		"/?primaryColor=%23511320&colorCode=ff00aa&themeColor=7d4955", "/?lang=en-US&theme=dark&locale=fr_FR&country=FR&bankResidency=fr", "/?paymentMethod=card&mode=buy&platform=desktop",
		"/?email=alice%40usd.example&emailAddress=alice%40example.com", "/?walletId=123&walletType=metamask&walletName=vault", "/?disableWalletAddress=true&skipWalletAddress=1&disableFiatAmount=false&disableCryptoCurrency=true",
		"/?feeAmount=3.49&networkFee=1.20&minAmount=50&maxAmount=10000&feeCurrency=USD", "/?version=1.25&zoom=0.75&v=2.10", "/?partnerId=1234&externalOrderId=ord_1&partner=ripple", "/?utm_source=base&sort=top&scope=all&mode=try",
		"/?redirectURL=" + url.QueryEscape("https://dash.example/orders/ord_1?done=1"), "/v2/widget/buy/eth/eur", "/ethereum", "/?walletAddressTag=", "/?ipAddress=203.0.113.7", "/?a=" + strings.Repeat("x", 900), "/#/checkout/step-1",
		"/?emailaddress=a%40b.example&ipaddress=203.0.113.7&currencyDisplay=symbol&amountType=fiat&assetId=102&isAmountEditable=false&cryptoCurrencyLocked=true",
		"/?amount=250,00&currencyName=Ethereum&value=250", "/?unitPrice=2674.10&rate=2674.1",
		"/?radius=12.00&width=320.50&border=1.25&spread=1.25&slippage=0.50&apr=3.50&markup=1.00&commission=2.50&gas=1.50&exchange=2674.10&balance=10.00", "/?addressFormat=hex&address_line_1=&walletApp=ledger", "/?fingerprint=" + random[:40] + "&commit=" + random[:40],
		"/?list=a,b,c&empty=&flag", "/?countryCode=US&state=PEN", "/?quoteId=np-7781&quote=q_17",
	} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
}

func TestAnAddressThatSellsIsRefused(t *testing.T) {
	t.Parallel()
	json := func(s string) string { return "/?config=" + url.QueryEscape(s) }
	for _, tail := range []string{
		"/?mode=sell", "/?mode=SELL", "/?side=sell", "/?product=SELL", "/?action=sell", "/?defaultFlow=sell", "/?orderType=sell", "/?transaction_type=offramp", "/?flow=off-ramp",
		"/sell", "/sell/eth", "/v2/off-ramp?amount=250", "/#/sell", "/?type=withdraw", json(`{"order":{"side":"sell"}}`), json(`{"mode":"sell"}`), "/?x=" + b64(`{"mode":"sell"}`),
		"/?productsAvailed=SELL", "/?enabledFlows=OFFRAMP", "/?productList=SELL", "/?showTable=sell", "/?default_side=sell_crypto", "/?defaultExperience=sell", "/?isBuyOrSell=SELL", "/?modes=sell", "/?type=sell_crypto", "/?sell=true", json(`{"sell":true}`),
		"/?supportedModes=sell", "/?intent=sell", "/?swapType=sell", "/?buySell=sell", "/?kind=sell", "/?mode=SELL_CRYPTO", "/?flow=crypto_to_fiat", "/?direction=crypto-fiat", "/?side=ask", "/?sellMode=true", "/?offramp=1", "/?isSell=yes", "/?isBuy=false", "/sell-crypto", "/?onlyFlows=off-ramp", json(`{"products":["SELL"]}`), json(`{"flows":[{"type":"sell"}]}`), "/?cashOut=true", "/?is_offramp=on", "/?mode=buy&type=sell_crypto", "/?defaultMode=selling", "/?action=sellCrypto", "/?mode=SellCrypto", "/?op=sell", "/?method=sell",
	} {
		if got := judged(t, anOrder(), tail); !strings.Contains(got, "about a sale") {
			t.Errorf("%s: %q", tail, got)
		}
	}
	for _, tail := range []string{
		"/?mode=buy", "/buy", "/?hide=sell", "/?disabledModes=sell", "/?excludeFlow=sell", "/?modes=buy,sell", "/?productList=BUY,SELL", "/?tab=sell", "/?utm_campaign=sell", "/?sell=false", "/buy-sell", "/?sellButton=sell",
		json(`{"products":["BUY","SELL"]}`), json(`{"flows":[{"type":"buy"},{"type":"sell"}],"mode":"buy"}`), "/?name=sell",
		json(`{"buy":true,"sell":true}`), "/?buy=true&sell=true", "/?sellEnabled=true", "/?showSell=1", "/?default_side=buy_crypto", "/?type=buy_crypto", "/?flow=fiat_to_crypto", "/?isSell=false", "/?isBuy=true", "/?themeMode=sell", "/?modes=SELL|BUY", "/?enabledFlows=ONRAMP,OFFRAMP", "/buy-and-sell", "/?productsAvailed=BUY", "/?side=bid", "/?buttonType=sell", "/?sellFee=1", "/?feeType=sell", json(`{"modes":["sell","buy"]}`),
	} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
	u, err := url.Parse("https://pay.alpha.example/?_way=sell")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := contradictions(u, anOrder(), map[string]string{"mode": "_way"}); err != nil || len(found) != 1 || found[0].about != aboutSale {
		t.Errorf("under the provider's own name: %v, %v", found, err)
	}
}

func TestATokensOwnContractIsNotAContradiction(t *testing.T) {
	t.Parallel()
	o := anOrder()
	o.Input.To, o.Crypto = "ethereum/erc20/usd__coin", "249.1"
	if got := judged(t, o, "/?tokenAddress=0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48&symbol=USDC&currency=USDC_ETHEREUM&walletAddress="+ours); got != "" {
		t.Error(got)
	}
	for _, tail := range []string{"/?tokenAddress=0xdAC17F958D2ee523a2206206994597C13D831ec7", "/?walletAddress=0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "/?symbol=ETH", "/?currency=usdt_ethereum"} {
		if judged(t, o, tail) == "" {
			t.Errorf("%s passes", tail)
		}
	}
	o = anOrder()
	o.Chain = "eip155:31337"
	if judged(t, o, "/?chainId=1") == "" || judged(t, o, "/?chainId=31337&network=ethereum") != "" {
		t.Error("the network is not compared with the account's")
	}
}

func TestAnAddressThatHidesTooDeepIsRefused(t *testing.T) {
	t.Parallel()
	deep := "a=" + theirs
	for range 12 {
		deep = "x=" + url.QueryEscape(deep)
	}
	if got := judged(t, anOrder(), "/?"+deep); got == "" {
		t.Error("passes")
	}
	if got := judged(t, anOrder(), "/?"+strings.Repeat("a=b&", 600)); got == "" {
		t.Error("passes")
	}
}

// FuzzContradictions checks that nothing panics, that a value is never told, and
// that another deposit address in plain sight never passes.
func FuzzContradictions(f *testing.F) {
	for _, tail := range []string{"/?x=" + theirs, "/#/a?b=" + btc, "/?c=" + b64(`{"a":[1,{"b":null}]}`), "/?amount=1&c=usdt", "/a;b=c/d?e=%25%2", "/?x=" + url.QueryEscape(`{"a":{"b":["0x`)} {
		f.Add(tail, "name")
	}
	f.Fuzz(func(t *testing.T, tail, name string) {
		u, err := url.Parse("https://pay.alpha.example/" + tail)
		if err != nil {
			return
		}
		found, err := contradictions(u, anOrder(), nil)
		if err == nil && strings.Contains(inWords(found), theirs) {
			t.Fatalf("a value is told: %s", inWords(found))
		}
		u.RawQuery += "&" + url.Values{name: {theirs}}.Encode()
		if found, err = contradictions(u, anOrder(), nil); err == nil && len(found) == 0 {
			t.Fatalf("another address passes as %q in %s", name, u)
		}
	})
}
