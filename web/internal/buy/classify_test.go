package buy

import (
	"encoding/base32"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"countersign/shared/quote"
)

func inJSON(s string) string { return "/?c=" + url.QueryEscape(s) }

// TestWhatSaysAnotherPurchaseIsRefused has each kind of what a provider's address can
// say: where the money goes, how much, which asset.
func TestWhatSaysAnotherPurchaseIsRefused(t *testing.T) {
	t.Parallel()
	ours40, theirs40 := strings.ToLower(ours[2:]), strings.ToLower(theirs[2:])
	for about, tails := range map[string][]string{
		aboutAddress: {
			// under names for who receives: whatever is not ours and not a word for people
			"/?account=OTHER", "/?acct=OTHER", "/?receiverId=9f3k2", "/?recipientId=12345", "/?payeeId=usr_8812", "/?destination=OTHER", "/?payout=OTHER", "/?to_account=OTHER", "/?toAccount=0x12", "/?sendto=OTHER", "/?pay_to=OTHER",
			"/?walletTo=OTHER", "/?depositTo=OTHER", "/?recipient=alice%40example.com", "/?recipient=%24alice", "/?receiver=usr_0012993", "/?beneficiary=DE89370400440532013000", "/?vault=vlt_00193", "/?cryptoWallet=OTHER", "/?receivingWallet=OTHER",
			"/?userwalletaddress=OTHER", "/?customerwallet=OTHER", "/?destwallet=OTHER", "/?recipientaddr=OTHER", "/?to=OTHER", "/?withdrawalAddress=OTHER", "/?addresses=OTHER", "/?address2=OTHER", "/?dest_addr=OTHER", "/?wallet=7f3k2p0q9x",
			// of the form of an address, whatever the chain
			"/?deposit=" + theirs, "/?deposit=" + tezos, "/?wallet=" + zcash, "/?x=KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn", "/?x=" + monero, "/?x=" + byron, "/?x=" + icarus, "/?x=" + mina, "/?x=" + stacks, "/?x=" + algo, "/?x=" + ton, "/?x=" + nano, "/?x=" + bitcash,
			"/?x=xdc" + theirs40, "/?x=XDC" + theirs40, "/?x=cx" + theirs40, "/?x=" + theirs40, "/?x=0x" + random, "/?x=ethereum:" + theirs + "@1", "/?x=f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za", "/?x=zs1z7rejlpsa98s2rrrfkwmaxu53e4ue0ulcrw0h4x5g8jl04tak0d3mm47vdtahatqrlkngh9slya",
			"/?x=cosmos1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5lzv7xu", "/?recipient=EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "/?wallet=" + random, "/?fund=EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "/?order=" + tezos, "/?id=" + monero, "/?sessionId=" + byron, "/?x=lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu",
			"/w/" + theirs40, "/" + theirs40, "/w/xdc" + theirs40, "/w/" + zcash, "/w/" + monero, "/#/w/" + tezos, "/wallet/OTHER", "/account/acc-9911", "/address/" + theirs40, "/w;to=" + zcash,
			// names of name services
			"/?recipient=brad.crypto", "/?wallet=brad.x", "/?to=alice.nft", "/?receiver=alice.eth", "/?payee=alice.wallet", "/?address=alice.dao", "/?destination=bob.near", "/?q=brad.crypto", "/?x=alice.base.eth", "/?beneficiary=alice.com", "/?recipient=sub.alice.888",
			// nothing where an address must be
			inJSON(`{"walletAddress":{}}`), inJSON(`{"walletAddress":[]}`), inJSON(`{"a":{"address":{}}}`), inJSON(`{"walletAddress":null}`), inJSON(`{"walletAddresses":{"ETH":{}}}`), "/?walletAddress={}", "/?walletAddress=[]",
			// encoded
			"/?c=" + hex.EncodeToString([]byte(`{"walletAddress":"`+theirs+`"}`)), "/?c=0x" + hex.EncodeToString([]byte(`{"to":"`+theirs+`"}`)), "/?c=" + strings.ToUpper(hex.EncodeToString([]byte(`to=`+theirs))), "/" + hex.EncodeToString([]byte(`{"w":"`+theirs+`"}`)), "/?c=" + hex.EncodeToString([]byte(theirs)),
			"/?c=" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(`{"w":"`+theirs+`"}`)), "/?c=" + b64(hex.EncodeToString([]byte(`{"w":"`+theirs+`"}`))), "/?c=data:application/json%3Bbase64," + b64(`{"w":"`+theirs+`"}`), "/?c=data:application/json," + url.QueryEscape(`{"w":"`+theirs+`"}`),
			"/?walletAddress=" + ours + "&recipient=" + zcash, "/?walletAddress=" + ours40[:39], "/?_addr=OTHER",
		},
		aboutAmount: {
			"/?pay=999", "/?price=999", "/?deposit=999", "/?send=999", "/?charge=999", "/?topup=999", "/?purchase=999", "/?fund=999", "/?buy=999", "/?sell=999", "/?receive=5", "/?youPay=999", "/?you_pay=999", "/?payIn=999", "/?payFiat=999", "/?buyEth=5", "/?toPay=999", "/?totalPrice=999",
			"/?payment=999", "/?due=999", "/?invest=75.5", "/?bill=999", "/?totalDue=999", "/?grandtotal=999", "/?subtotal=999", "/?pay=%E2%82%AC999", "/?pay=999EUR", "/?pay=00999", "/?quantity=3", "/?qty=12", "/?price=0.5", "/?depositAmount=999", "/?amount=00999", "/?amount=0999.00",
			"/amount/999", "/pay/999", "/eth/5", "/buy/eur/999", "/fiatAmount/999", inJSON(`{"amount":{}}`), inJSON(`{"pay":999}`), "/?c=" + hex.EncodeToString([]byte(`{"amount":999}`)), inJSON(`{"price":{"amount":999}}`), "/?_amount=999",
		},
		aboutAsset: {
			"/?x=BTCEUR", "/?x=btceur", "/?x=usdttrc20", "/?x=USDTTRC20", "/?x=ethusdt", "/?x=ETHUSD", "/?m=usdcsol", "/?m=USDCBASE", "/?m=usdtbep20", "/?m=eurusd", "/market/btcusdt", "/?ticker=BTCEUR", "/?pair=ETHUSD", "/?market=BTC_EUR", "/?x=dogeusd", "/?x=litecoineur", "/?x=ETHARBITRUM", "/?x=maticpolygon",
			"/?coins=BTC,USDT", "/?fiatCurrencies=USD,GBP", "/?cryptoCurrencyList=BTC", "/?fiat=EUR,USD", "/?currency=usd,eur", "/?assets=" + url.QueryEscape(`["BTC","USDC"]`), "/?networks=ethereum,base", "/?wallet=polygon", "/?account=USD", "/network/polygon", "/chain/base", "/?buy=btc", "/?pay=usdt", "/?sell=usd", "/?_net=polygon", "/?_crypto=USDT",
		},
	} {
		for _, tail := range tails {
			if got := judged(t, anOrder(), tail); !strings.Contains(got, " about another "+about) {
				t.Errorf("%s: %q, want another %s", tail, got, about)
			} else if strings.Contains(strings.ToLower(got), theirs40) || strings.Contains(got, zcash) || strings.Contains(got, tezos) {
				t.Errorf("%s: the value is told: %s", tail, got)
			}
		}
	}
}

// TestWhatSaysNothingOfThePurchasePasses has what looks like one of those and is not.
func TestWhatSaysNothingOfThePurchasePasses(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{
		// words for people and products
		"/?recipient=Alice", "/?recipient=Alice%20Martin", "/?recipient=O%27Neil", "/?receiver=Jos%C3%A9", "/?beneficiary=ACME+Ltd.", "/?payee=%E6%9D%8E%E9%9B%B7", "/?wallet=metamask", "/?wallet=METAMASK", "/?wallet=trust-wallet", "/?wallet=io.metamask", "/?wallet=Ledger+Nano+S", "/?wallet=1inch", "/?account=main", "/?account=Main+2", "/?account=BUSINESS", "/?destination=self-custody", "/?vault=treasury", "/?to=me", "/?payout=instant",
		"/?walletId=123", "/?accountId=acc_123", "/?merchantAccount=acc_8812", "/?userAccount=u_91", "/?recipientName=OTHER", "/?walletType=EVM", "/?receiverType=person", "/?connectedWallet=rainbow", "/?walletBrand=LEDGER", "/?accountNumber=12345678", "/?bankAccount=DE89370400440532013000", "/?destinationTag=0", "/?account=", "/?hasWallet=1", "/?walletIndex=2", "/?wallet=2",
		// places
		"/?addressLine1=12+Main+St", "/?addressLine2=Flat+4", "/?address_line_1=12+Main+St", "/?address=12+Main+St", "/?address1=12+Main+St", "/?billingAddress=12+Main+St", "/?residentialaddress=12+Main+St", "/?addressCity=Paris&addressZip=75011&addressState=NY&addressPostCode=75011",
		inJSON(`{"firstName":"Alice","address":{"addressLine1":"170 Pine St","city":"Paris","state":"IDF","postCode":"75011","countryCode":"FR"}}`), inJSON(`{"address":{"street":"12 Main St","zip":"75011"}}`), "/?emailaddress=a%40b.example", "/?ipaddress=203.0.113.7",
		// lists that have ours
		"/?fiatCurrencies=EUR,USD", "/?fiatCurrencies=USD,EUR", "/?fiatCurrencyList=EUR%3BGBP", "/?supportedCurrencies=USD,EUR,ETH", "/?onlyCryptos=eth,btc", "/?cryptos=ETH|USDC", "/?availableFiats=usd%20eur", "/?coins=" + url.QueryEscape(`["BTC","ETH"]`), inJSON(`{"fiatCurrencies":["USD","EUR"],"walletAddress":"` + ours + `"}`), "/?showOnlyCurrencies=eth,usdc&currencyCode=eth",
		// numbers
		"/?amount=00250", "/?amount=0250.00", "/?amount=000.09348948", "/?quantity=1", "/?qty=1", "/?quantity=0.0935", "/?pay=250", "/?pay=1", "/?pay=0", "/?pay=250.00", "/?price=250", "/?price=2674.10", "/?price=2700", "/?unitPrice=2674.10", "/?deposit=250", "/?deposit=0.0935", "/?youPay=250&youReceive=0.0935", "/?step=3", "/?page=12", "/?max=999", "/?v=999", "/?retry=5", "/?width=400&height=650", "/?level=99",
		"/?pay=card", "/?pay=later", "/?buy=eth", "/?buy=true", "/?deposit=bank", "/?deposit=true", "/?payment=sepa", "/?sell=false", "/?invoice=INV-2026-17", "/?paymentId=88123", "/?payMethod=3", "/?depositId=12", "/?purchaseType=2", "/?priceId=price_1N2x", "/?sendDelay=30", "/?buyStep=2", "/?price=", "/?pay=", "/?fixedPrice=true", "/payments/8812", "/eth/1", "/buy/eth/eur/250", "/pay/250", "/pay/1", "/amount/250",
		// pages, hosts and words of other vocabularies
		"/?tab=SOL", "/?tab=USDT", "/?view=BTC", "/?section=DOGE", "/?host=shop.eth", "/?domain=brad.crypto", "/?origin=app.ens.eth", "/?site=shop.x", "/?referrer=vitalik.eth", "/?ref=vitalik.eth", "/?utm_source=vitalik.eth", "/?file=notes.x", "/?release=v1.go", "/?q=node.dao", "/?email=alice%40shop.eth", "/?returnHost=pay.eth", "/?category=USDT", "/?menu=TOP",
		"/?word=topall", "/?word=madcup", "/?x=Bob", "/?x=Sol", "/?x=database", "/?x=coinbase", "/?x=polygons", "/?x=canada", "/?x=allied", "/?x=optional", "/?x=nearby", "/?name=Stellar",
		// ids and what is computed
		"/?txHash=0x" + random, "/?hash=0x" + random, "/?visitor=" + random, "/?x=" + random, "/?cid=" + random[:32], "/?ga=GA1.2.1795208400.1795208400", "/?commit=" + random[:40], "/commit/" + random[:40], "/session/" + random[:40], "/static/" + random[:40] + "/app.js", "/order/" + random[:40], "/?nonce=" + random[:40], "/?deviceId=" + random[:40], "/?orderId=cku3k9n2b0000qzrmn831i7rn", "/?x=01ARZ3NDEKTSV4RRFFQ69G5FAV", "/?x=6f9619ff8b86d011b42d00c04fc964ff",
		"/?data=" + hex.EncodeToString([]byte(`{"theme":"dark"}`)), "/?data=" + random + random, "/?c=data:image/png%3Bbase64,iVBORw0KGgo=", "/?c=data:text/plain,hello", "/?x=deadbeefdeadbeef", "/?x=MFRGGZDFMZTWQ2LK",
		// objects with nothing in them
		inJSON(`{"fees":{},"walletAddress":"` + ours + `"}`), inJSON(`{"networks":[],"assets":[]}`), inJSON(`{"theme":{}}`), inJSON(`{}`), inJSON(`[]`), inJSON(`{"wallet":{"address":"` + ours + `","tags":[],"meta":{}}}`),
		// markets of ours
		"/?x=ETHEUR", "/?pair=ETHEUR", "/?symbol=eureth", "/?ticker=ETHERC20", "/market/etheur", "/?network=ethereumerc20", "/?network=ethereummainnet",
	} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
}

// TestWhatIsTheOrdersDependsOnTheOrder: a token on Ethereum for euros, and Polygon's
// coin, which had another ticker before, for dollars.
func TestWhatIsTheOrdersDependsOnTheOrder(t *testing.T) {
	t.Parallel()
	usdc, pol := anOrder(), anOrder()
	usdc.Input.To, usdc.Chain, usdc.Crypto = "ethereum/erc20/usd__coin", "eip155:1", "249.1"
	pol.Input.To, pol.Chain, pol.Crypto, pol.Input.From = "polygon", "eip155:137", "1043.5", "USD"
	for name, c := range map[string]struct {
		o         quote.HandOff
		good, bad string
	}{
		"usdc": {usdc, "/?x=USDCEUR /?pair=USDCEUR /?coin=usdcerc20 /?cryptos=ETH,USDC /?x=usdc-erc20 /?pay=250 /?price=1.00 /?price=1.0036 /?receive=249.1 /?youGet=249.10 /?network=erc20 /?assets=USDC,USDT /?x=usdceth /?usdcAmount=249.1",
			"/?x=USDTEUR /?coin=usdctrc20 /?x=usdcsol /?cryptos=ETH,DAI /?pay=249 /?price=2.00 /?usdAmount=249.1 /?x=USDCUSD /?x=USDCBASE /?currency=USDC.e /?network=trc20 /?coin=USDCPOLYGON"},
		"pol": {pol, "/?x=POLUSD /?pair=MATICUSD /?coin=maticpolygon /?fiat=usd /?pay=250 /?pay=$250 /?price=0.24 /?fiatCurrencies=USD,EUR /?currency=dollars /?polAmount=1043.5",
			"/?x=POLEUR /?x=MATICETH /?coin=usdcpolygon /?pay=249 /?receive=250 /?price=2.4 /?fiatCurrencies=EUR,GBP /?x=ethpolygon /?wallet=ethereum /?network=ethereum /?currency=euros"},
	} {
		for _, tail := range strings.Fields(c.good) {
			if got := judged(t, c.o, tail); got != "" {
				t.Errorf("%s: %s: %s", name, tail, got)
			}
		}
		for _, tail := range strings.Fields(c.bad) {
			if judged(t, c.o, tail) == "" {
				t.Errorf("%s: %s passes", name, tail)
			}
		}
	}
}

// TestAnAmountIsReadAsEveryPageReadsIt: under any name for one, with a currency beside
// it in any form, and no number that two readers read differently.
func TestAnAmountIsReadAsEveryPageReadsIt(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{
		"/?cryptoQuantity=1", "/?eth_qty=1", "/?coinQty=1", "/?quantity=1&unit=ETH", "/?qty=1&uom=eth", "/?quantityEth=1",
		"/?displayAmount=999", "/?amount_label=999", "/?amountSource=999", "/?sideAmount=999", "/?amountType=999", inJSON(`{"amount":{"id":999}}`), inJSON(`{"amount":{"type":999}}`), inJSON(`{"total":{"label":"999"}}`), inJSON(`{"amount":{"name":999}}`), "/?finalPrice=999", "/?order[price]=999", "/?items[0][price]=999",
		"/?x=999,00%20%E2%82%AC", "/?x=1500%20euros", "/?x=1.500,00", "/?x=999,00", "/?x=1,500.00", "/?x=1.5kEUR", "/?x=%EF%BC%99%EF%BC%99%EF%BC%99%20EUR", "/?x=1%20500,00", "/?x=buy-999-eur", "/?p=9.99", "/?x=999-USD", "/?x=999%20pounds", "/?x=5%20ether", "/?x=EUR%20999,-", inJSON(`{"amount":{"text":"999 EUR"}}`), "/?amountStyle=999", inJSON(`{"orders":[{"amount":250},{"amount":999}]}`), "/?networkVersion=137",
		"/checkout/999/EUR", "/checkout/eth/999/eur", "/pay/250/USD", "/checkout/0.5/eth",
		"/?amount=25000e-2", "/?fiatAmount=2500000e-4", "/?amount=25e1", "/?amount=2.50,00", "/?amount=2_50", "/?amount=25%200", "/?amount=2%2750", "/?amount=2,50,0", "/?amount=-250", "/?amount=--250",
	} {
		if got := judged(t, anOrder(), tail); !strings.Contains(got, "another") {
			t.Errorf("%s passes", tail)
		}
	}
	for _, tail := range []string{
		"/?quantity=1", "/?qty=1&unit=piece", "/?itemQuantity=1", "/?displayAmount=250", "/?amountLabel=Total", "/?amountSource=user", "/?amountType=2", "/?amountId=88123", inJSON(`{"amount":{"value":250,"label":"Total"}}`), "/?finalPrice=250",
		"/?x=250,00%20%E2%82%AC", "/?x=250%20euros", "/?x=250,00", "/?x=250.00", "/?x=12,34", "/?x=48,85", "/?x=10%20all", "/?x=3%20sol", "/?x=buy-250-eur", "/?x=4k", "/?x=10px", "/?amount=250-EUR", "/?amount=EUR_250", "/?amount=250/EUR", "/?amount=250.0000", "/?amount=2.5e2", "/?amount=%2B250", "/?cryptoAmount=~0.0935", "/?cryptoAmount=.0935", "/?value=9.348948e16", "/?amount=%D9%A2%D9%A5%D9%A0",
		"/checkout/250/EUR", "/checkout/0.0935/eth", "/checkout/1/eth", "/checkout/88123456/EUR", "/orders/88123/EUR", "/step/3/eth", "/?paddingTop=16.00&confidence=99.50", "/?x=EUR%20250,-", inJSON(`{"fees":[{"name":"network","value":"0.50"}],"limits":{"USD":{"min":30}}}`), "/?fiatFlag=eu&networkEnv=production", "/?letterSpacing=0.25", "/?latitude=48.86&longitude=2.35", "/?sdk=3.25&os=17.40", "/?duration=0.30&delay=1.25&opacity=0.50",
		"/?invoice=2026117", "/?payment=5263817", "/?paymentDue=1795208400", "/?transfer=778123", "/?checkout=88123", "/pay/12345678", "/buy/1234567",
	} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
	usdc := anOrder()
	usdc.Input.To, usdc.Chain, usdc.Crypto = "ethereum/erc20/usd__coin", "eip155:1", "271.9"
	for tail, ok := range map[string]bool{
		"/?baseCurrencyAmount=272": false, "/?defaultAmount=274": false, "/?amount=270": false, "/?amount=272+EUR": false, "/?baseCurrencyAmount=271.9": false,
		"/?amount=271.9": true, "/?amount=271.90": true, "/?amount=250": true, "/?cryptoAmount=272": true, "/?amount=272+USDC": true, "/?quoteCurrencyAmount=271.8": true, "/?baseCurrencyAmount=250": true,
		"/?baseCurrency=USDC&quoteCurrency=EUR&quoteCurrencyAmount=250": true, "/?baseCurrency=USDC&quoteCurrency=EUR&quoteCurrencyAmount=271.9": false, "/?baseCurrency=USDC&baseCurrencyAmount=272": true,
	} {
		if got := judged(t, usdc, tail); (got == "") != ok {
			t.Errorf("USDC: %s: %q", tail, got)
		}
	}
	if got := judged(t, anOrder(), "/?baseCurrency=ETH&quoteCurrency=EUR&quoteCurrencyAmount=250&baseCurrencyAmount=0.0935"); got != "" {
		t.Error(got)
	}
}

// TestAnAssetIsSeenByWhatItIsCalled: also one that no table here has, where a name says
// that an asset is meant.
func TestAnAssetIsSeenByWhatItIsCalled(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{"/?coinType=SHIB", "/?coinType=XMR", "/?coinType=pepe", "/?coinType=WETH", "/?asset_type=pepe", "/?coinName=SHIB", "/?cryptoName=Shiba+Inu", "/?fiatType=XYZ", "/?cryptoLabel=SHIB", "/?currencyName=US+Dollar", "/?fixed_asset_type=wbtc", "/?cryptoType=wbtc", "/?displayAmount=0.5+SHIB"} {
		if judged(t, anOrder(), tail) == "" {
			t.Errorf("%s passes", tail)
		}
	}
	for _, tail := range []string{"/?coinType=ETH", "/?coinType=native", "/?asset_type=eth", "/?coinName=Ethereum", "/?currencyName=Ethereum+(ETH)", "/?cryptoName=Ether", "/?fiatType=EUR", "/?fiatType=12", "/?currencyType=fiat", "/?assetType=crypto", "/?cryptoLabel=You+receive", "/?currencyLabel=Currency", "/?cryptoCurrency=Ether", "/?coin=ETHER", "/?currency=%CE%9E", "/?tokenType=erc20", "/?cryptoType=stablecoin"} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
}
