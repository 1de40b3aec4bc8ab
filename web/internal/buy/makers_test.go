package buy

import (
	"net/url"
	"strings"
	"testing"
)

// TestTheMakersAddressesAreToldFromAlteredOnes has an address as each maker's
// documentation builds it, and alters one thing at a time.
func TestTheMakersAddressesAreToldFromAlteredOnes(t *testing.T) {
	t.Parallel()
	q := url.QueryEscape
	makers := map[string]string{
		"moonpay":           "/?apiKey=pk_live_x&currencyCode=eth&defaultCurrencyCode=eth&walletAddress=" + ours + "&walletAddressTag=&walletAddresses=" + q(`{"eth":"`+ours+`"}`) + "&baseCurrencyCode=eur&baseCurrencyAmount=250&lockAmount=true&email=a%40b.example&externalTransactionId=ord_1&externalCustomerId=ent_9&paymentMethod=sepa_bank_transfer&redirectURL=" + q("https://dash.example/o?x=1") + "&unsupportedRegionRedirectUrl=" + q("https://dash.example/u") + "&skipUnsupportedRegionScreen=true&showAllCurrencies=false&showOnlyCurrencies=eth,usdc&theme=dark&themeId=12&language=en&colorCode=%237d4955&signature=" + q("Ab+c/d8JkQ0=="),
		"moonpay quote":     "/?currencyCode=eth&quoteCurrencyAmount=0.0935&walletAddress=" + ours,
		"transak":           "/?apiKey=x&referrerDomain=dash.example&productsAvailed=BUY&exchangeScreenTitle=" + q("Buy ETH with EUR") + "&defaultFiatAmount=250&defaultFiatCurrency=EUR&fiatAmount=250&fiatCurrency=EUR&excludeFiatCurrencies=USD,GBP&countryCode=FR&excludedCountryCodes=US,GB&defaultNetwork=ethereum&network=ethereum&networks=ethereum&cryptoCurrencyCode=ETH&cryptoCurrencyList=ETH,DAI&defaultCryptoCurrency=ETH&defaultPaymentMethod=credit_debit_card&disablePaymentMethods=gbp_bank_transfer,sepa_bank_transfer&walletAddress=" + ours + "&disableWalletAddressForm=true&walletAddressesData=" + q(`{"networks":{"ethereum":{"address":"`+ours+`"}},"coins":{"ETH":{"address":"`+ours+`"}}}`) + "&userData=" + q(`{"firstName":"Satoshi","lastName":"Nakamoto","email":"s@x.example","mobileNumber":"+15417543010","dob":"1994-08-26","address":{"addressLine1":"170 Pine St","addressLine2":"San Francisco","city":"San Francisco","state":"CA","postCode":"94111","countryCode":"US"}}`) + "&partnerOrderId=ord_1&partnerCustomerId=ent_1&isAutoFillUserData=true&hideExchangeScreen=true&isFeeCalculationHidden=true&colorMode=DARK&hideMenu=true&redirectURL=" + q("https://dash.example"),
		"ramp":              "/?hostApiKey=x&hostAppName=" + q("Countersign GmbH") + "&hostLogoUrl=" + q("https://dash.example/l.png") + "&swapAsset=ETH_ETH,ETH_*&offrampAsset=ETH_ETH&swapAmount=93489480000000000&fiatCurrency=EUR&fiatValue=250&userAddress=" + ours + "&userEmailAddress=a%40b.example&selectedCountryCode=FR&defaultAsset=ETH_ETH&webhookStatusUrl=" + q("https://dash.example/h") + "&finalUrl=" + q("https://dash.example") + "&defaultFlow=ONRAMP&enabledFlows=ONRAMP,OFFRAMP&paymentMethodType=CARD_PAYMENT&hideExitButton=true&variant=hosted-desktop",
		"banxa":             "/?coinType=ETH&fiatType=EUR&fiatAmount=250&coinAmount=0.0935&blockchain=ETH&walletAddress=" + ours + "&walletAddressTag=&orderType=buy&backgroundColor=ffffff&primaryColor=2a2a2a&theme=light&expires=1795208400&oid=f7a1d3&signature=" + random,
		"mercuryo":          "/?widget_id=67710925-8b40-4767-846e-3b88db69f04d&type=buy&currency=ETH&currencies=ETH,USDT&fiat_currency=EUR&fiat_currencies=EUR,USD&default_currency=ETH&default_fiat_currency=EUR&amount=0.0935&fiat_amount=250&fix_amount=false&fix_fiat_amount=true&fix_currency=true&network=ETHEREUM&address=" + ours + "&signature=v2:" + random + ":1795208400&init_token=&init_token_type=sdk_partner_authorization&merchant_transaction_id=ord_1&redirect_url=" + q("https://dash.example") + "&return_url=" + q("https://dash.example") + "&lang=en&ratio_id=1&payment_method=card&hide_address=true&single_step=true&theme=mercuryo&widget_flow=default&utm_source=x&partner_flow=y&host=dash.example&phone=%2B33612345678&theme=dark",
		"onramper":          "/?apiKey=pk_prod_x&mode=buy&defaultAmount=250&defaultCrypto=eth&defaultFiat=eur&defaultPaymentMethod=creditcard&onlyCryptos=eth&onlyCryptoNetworks=ethereum&onlyFiats=eur,usd&onlyOnramps=moonpay,transak&excludeCryptos=btc,usdt&excludeFiats=usd&excludeCryptoNetworks=bitcoin&networkWallets=ETHEREUM:" + ours + "&wallets=ETH:" + ours + "&isAmountEditable=false&isAddressEditable=false&partnerContext=ord_1&uuid=x&country=FR&language=en&themeName=bluey&containerColor=fefefe&primaryColor=241d1c&successRedirectUrl=" + q("https://dash.example/s") + "&failureRedirectUrl=" + q("https://dash.example/f") + "&hideTopBar=true&signature=" + random,
		"simplex":           "/payments/new?partner=countersign&crypto=ETH&fiat=EUR&amount=250&address=" + ours + "&payment_id=6f9619ff-8b86-d011-b42d-00c04fc964ff&user_id=u_9&return_url=" + q("https://dash.example"),
		"coinbase":          "/buy/select-asset?sessionToken=MWYzZmM3ZTYtYzE0Ny02ZTJkLWE5ZDgtMGEwYTBhMGEwYTBh&defaultNetwork=ethereum&defaultAsset=ETH&presetFiatAmount=250&fiatCurrency=EUR&defaultExperience=buy&defaultPaymentMethod=CARD&partnerUserId=ent_1&handlingRequestedUrls=true&redirectUrl=" + q("https://dash.example"),
		"stripe":            "/?source_currency=eur&source_amount=250&destination_currency=eth&destination_network=ethereum&destination_currencies=" + q(`["eth","usdc"]`) + "&wallet_addresses[ethereum]=" + ours + "&client_reference_id=ord_1&ref=docs",
		"stripe standalone": "/session/cos_1Lb6vsAY1pjOSNXVWF3nUtkV?client_secret=cos_1Lb6_secret_8fuPvTzBaxj3XRh14C6tqvdl6#payment",
		"guardarian":        "/calculator/v1/payment?partner_api_token=6f9619ff&theme=blue&type=narrow&default_fiat_amount=250&default_fiat_currency=EUR&fiat_currencies_list=" + q(`[{"ticker":"EUR","network":null}]`) + "&default_crypto_currency=ETH&crypto_currencies_list=" + q(`[{"ticker":"ETH","network":"ETH"}]`) + "&payout_address=" + ours + "&swap_enabled=false&side_toggle_disabled=true&body_background=272727&button_background=34FF79&calculator_background=474747&label_color=FFFFFF&input_color=FFFFFF&payment_method=VISA_MC&redirects=" + q(`{"successful":"https://dash.example/ok","failed":"https://dash.example/no"}`),
		"alchemypay":        "/?crypto=ETH&network=ETH&fiat=EUR&fiatAmount=250&country=FR&address=" + ours + "&payWayCode=10001&type=buy&showTable=buy&appId=f83Is2y7L425rxl8&merchantOrderNo=ord_1&redirectUrl=" + q("https://dash.example") + "&callbackUrl=" + q("https://dash.example/cb") + "&language=en-US&timestamp=1795208400123&sign=" + q("b2pm+Sn/d=="),
		"sardine":           "/?client_token=6f9619ff-8b86-d011-b42d-00c04fc964ff&address=" + ours + "&fiat_amount=250&fixed_fiat_amount=250&asset_type=eth&fixed_asset_type=eth&network=ethereum&fixed_network=ethereum&fiat_currency=EUR&fixed_fiat_currency=EUR&redirect_url=" + q("https://dash.example") + "&supported_tokens=" + q(`[{"token":"ETH","network":"ethereum"}]`) + "&show_features=false",
		"finchpay":          "/?partner_key=x&a=250&p=EUR&c=ETH&n=ETHEREUM&wallet_address=" + ours + "&wallet_extra=&sign=" + random + "&page_ui=hidden&hide_fees=true",
		"ripio":             "/?_to=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyXzcifQ.c2ln&_addr=" + ours + "&_net=ETHEREUM&_amount=250&_crypto=ETH&_tracking_session=random-tracking-id",
		"kriptomat":         "/?to_address=" + ours + "&amount=250&asset_type=eth&amount_type=fiat&network=ethereum&uuid=c472856c-d248-4e53-ae49-1d2f088cb732",
		"fonbnk":            "/?address=" + ours + "&network=ETHEREUM&asset=ETH&amount=250&currency=local&countryIsoCode=FR&currencyIsoCode=EUR&freezeAmount=1&freezeWallet=1&provider=card",
		"revolut":           "/?amount=250&fiatCurrency=EUR&cryptoCurrency=ETH&countryCode=FR&walletAddress=" + ours + "&partnerId=fb48770a-51b0-402e-8d25-33474f474aa2",
		"swapped":           "/?apiKey=x&cryptoCurrencyCode=ETH&fiatCurrencyCode=EUR&baseCurrencyAmount=250&method=creditcard&walletAddress=" + ours + "&destinationTag=&signature=" + random,
		"kado":              "/?apiKey=x&onPayAmount=250&onPayCurrency=EUR&onRevCurrency=ETH&onToAddress=" + ours + "&cryptoList=ETH,USDC&network=ETHEREUM&networkList=ETHEREUM&product=BUY&productList=BUY&mode=minimal",
		"topper":            "/?bt=eyJhbGciOiJFUzI1NiJ9." + b64(`{"jti":"x","source":{"amount":"250","asset":"EUR"},"target":{"address":"`+ours+`","asset":"ETH","network":"ethereum","label":"Treasury"}}`) + ".c2ln",
		"utorg":             "/direct/countersign/" + ours + "/?currency=ETH&paymentAmount=250&paymentCurrency=EUR",
		"paybis":            "/?requestId=6f9619ff-8b86-d011-b42d-00c04fc964ff&partnerId=x&signature=" + random + "&currencyCodeFrom=EUR&currencyCodeTo=ETH&amountFrom=250",
		"changelly":         "/?from=eur&to=eth&fromDefault=eur&toDefault=eth&amount=250&address=" + ours + "&merchant_id=x&payment_id=&v=3&type=no-rev-share&color=5f41ff&headerId=1&logo=hide&buyButtonTextId=1",
		"stripe link":       "/?ref=x&setTxnDetails=" + q(`{"sourceAmount":"250","destinationCurrency":"eth"}`),
		"wyre":              "/?dest=ethereum:" + ours + "&destCurrency=ETH&sourceAmount=250&sourceCurrency=EUR&paymentMethod=debit-card&lockFields=dest,destCurrency&accountId=AC_XXX&redirectUrl=" + q("https://dash.example"),
		"onmeta":            "/?apiKey=x&walletAddress=" + ours + "&fiatAmount=250&fiatType=eur&chainId=1&tokenSymbol=ETH&tokenAddress=0x0000000000000000000000000000000000000000&minAmount=100&successRedirectUrl=" + q("https://a.example") + "&metaData=" + q(`{"userID":"x"}`) + "&onRamp=enabled&offRamp=disabled",
		"binance connect":   "/en/pre-connect?merchantCode=x&timestamp=1795208400123&cryptoCurrency=ETH&network=ETH&fiatCurrency=EUR&orderAmount=250&address=" + ours + "&merchantOrderId=ord_1",
		"robinhood":         "/connect?applicationId=x&walletAddress=" + ours + "&supportedNetworks=ETHEREUM&assetCode=ETH&assetAmount=0.0935&redirectUrl=" + q("https://a.example") + "&connectId=6f9619ff-8b86-d011-b42d-00c04fc964ff&flow=transfer",
		"unlimit":           "/?merchantId=x&wallet=" + ours + "&targetWallet=" + ours + "&fiatCurrency=EUR&cryptoCurrency=ETH&fiatAmount=250&purchaseCurrency=ETH-ETHEREUM&purchaseAmount=0.0935&payment=BANKCARD&locale=en",
		"topup link":        "/?cryptoAmount=0.0935&amount=250.00&amountType=fiat&address=" + ours + "&chain=ethereum&asset=ETH&locale=fr&skin=dark&r=a1b2c3",
		"coinify":           "/?partnerId=x&targetPage=buy&primaryColor=blue&cryptoCurrencies=ETH,BTC&defaultCryptoCurrency=ETH&defaultFiatCurrency=EUR&fiatCurrencies=EUR,DKK&buyAmount=250&address=" + ours + "&addressConfirmation=false&addressSignature=" + random + "&transferInMedia=card&transferOutMedia=blockchain&confirmMessages=true&partnerContext=ord_1",
	}
	alter := [][2]string{{ours, theirs}, {ours, strings.ToLower(theirs)}, {ours, zcash}, {"=250", "=999"}, {"=ETH&", "=BTC&"}, {"=eth&", "=btc&"}, {"=EUR&", "=USD&"}, {"=eur&", "=usd&"}, {"=ETHEREUM", "=POLYGON"}, {"=ethereum", "=polygon"}, {`"ethereum"`, `"base"`}}
	altered := 0
	for name, tail := range makers {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", name, got)
		}
		for _, a := range alter {
			if !strings.HasPrefix(a[0], "=") {
				a[0], a[1] = q(a[0]), q(a[1])
			}
			other := strings.ReplaceAll(tail, a[0], a[1])
			if other == tail || name == "finchpay" && a[0] == "=250" { // under the name a, which only params can tell
				continue
			}
			altered++
			if judged(t, anOrder(), other) == "" {
				t.Errorf("%s passes with %s for %s", name, a[1], a[0])
			}
		}
	}
	if altered < 150 {
		t.Errorf("only %d were altered", altered)
	}
}

// TestWhatSurroundsAPurchaseIsNoOther: fees and limits, what there is to choose from,
// the page's own files, and words for people, as they stand in addresses of real widgets.
func TestWhatSurroundsAPurchaseIsNoOther(t *testing.T) {
	t.Parallel()
	q := url.QueryEscape
	jwt := func(claims string) string { return b64(`{"alg":"RS256"}`) + "." + b64(claims) + ".c2ln" }
	for _, tail := range []string{
		// the currency of an amount
		"/?amount[value]=250&amount[currency]=EUR", "/?amountCurrency=EUR", "/?amount_currency=EUR", "/?amount.currency=EUR", "/?amountUnit=fiat", "/?amountUnit=EUR", "/?amount_in=fiat", "/?amountAsset=ETH", "/?total[currency]=EUR", "/?amountUnit=wei&amount=93489480000000000",
		"/payments/new?fiat_total_amount[amount]=250&fiat_total_amount[currency]=EUR&digital_total_amount[amount]=0.0935&digital_total_amount[currency]=ETH", "/?baseCurrency=ETH&quoteCurrency=EUR&quoteCurrencyAmount=250", "/?asset=ETH.ETH", "/?crypto=ETH/ETH",
		// fees, limits and the parts of an amount
		inJSON(`{"amount":250,"fee":{"amount":"7.50","currency":"EUR"}}`), inJSON(`{"amount":250,"fees":[{"type":"network","amount":2.5,"currency":"EUR"}]}`), inJSON(`{"limits":{"min":{"amount":30},"max":{"amount":10000}}}`), inJSON(`{"limits":{"minAmount":30,"maxAmount":10000,"dailyTotal":20000}}`), inJSON(`{"amount":250,"fees":{"total":7.5,"network":2.5,"provider":5},"subtotal":242.5}`),
		inJSON(`{"amount":{"value":"250.00","currency_code":"EUR","breakdown":{"item_total":{"value":"240.00","currency_code":"EUR"},"handling":{"value":"10.00","currency_code":"EUR"}}}}`), inJSON(`{"amount":{"currencyCode":"EUR","units":"250","nanos":0}}`), inJSON(`{"tax":{"total":{"amount":20,"currency":"USD"}}}`), "/?remainingAmount=4750&availableAmount=5000", "/?kycAmount=900", "/?dailySpend=0", "/?netAmount=245.12", "/?currencyMinorUnits=2&assetDecimals=18", "/?cryptoExponent=18",
		"/?session=" + jwt(`{"account":"W2aRZnYGPwhBWB94iFsZus","sub":"u"}`), "/?session=" + jwt(`{"acct":"acc_1032D82eZvKYlo2C","iat":1795208400}`), "/?session_hash=" + q("CCIQARoXChVhY2N0XzFJUTcxVENXaFNGSzJ2bE4ozLXcuwYyBkc0OFRqYw=="),
		// what there is to choose from
		"/?presetAmounts=50,100,250", "/?amounts=100|250|500", "/?presetAmounts=" + q(`[50,100,250]`), inJSON(`{"quickAmounts":[100,250,1000]}`), "/buy/select-asset?destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":["ethereum"],"assets":["ETH","USDC"]}]`), "/?w=" + q(`[{"address":"`+ours+`","supportedAssets":["USDT","ETH","DAI"]}]`),
		"/calculator/v1?default_side=buy_crypto&crypto_currencies_list=" + q(`[{"ticker":"ETH","network":"ETH"},{"ticker":"BTC","network":"BTC"}]`) + "&default_crypto_currency=ETH", "/?net=mainnet&nets=mainnet,arbitrum_mainnet,base_mainnet&cry=ETH&crys=ETH,USDC&cur=EUR&curs=EUR,CHF", "/?wallets=metamask|walletconnect", "/?wallets=ledger,trezor",
		// files, programs and networks of another kind
		"/?assetsUrl=" + q("https://cdn.alpha.example/v2/"), "/?assetsBaseUrl=" + q("https://cdn.alpha.example"), "/?assetPrefix=/cdn/v2", "/?assetVersion=20261120", "/?coinbaseSession=abc", "/?coinbaseVersion=2", "/?useSendCryptoCallback=true&useSendCryptoCallbackVersion=1", "/?ad_network=facebook", "/?adjust_network=Google", "/?socialNetwork=twitter", "/?cardNetwork=visa", "/?totalPages=3&pageTotal=3", "/?totalSteps=4&stepTotal=4", "/?totalResults=120", "/?volume=0.5", "/?voucher=BTC50", "/?promo=10USD", "/?promoCode=GET50USD",
		// words for people
		"/?beneficiary=ACME%20S.A.", "/?wallet=" + q("🦊 MetaMask"), "/?wallet=" + q("MetaMask: Main"), "/?target=%23root", "/?target=%23payment-root", "/?recipient=ACME%20S/A", "/?payee=Countersign%20GmbH%20%26%20Co.%20KG", "/?recipient=Countersign%20Sandbox%20Treasury%20Operations%20Account%20Two%20Berlin", "/account/1234", "/accounts/88123/settings",
	} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
	// and what looks like it and is another purchase
	for _, tail := range []string{
		"/?amountCurrency=USD", "/?amount[currency]=SHIB", "/?amountUnit=USD", "/?amountAsset=BTC", "/?baseCurrency=ETH&quoteCurrency=USD", "/?baseCurrency=ETH&quoteCurrencyAmount=999", "/?asset=BTC.ETH", "/?asset=alice.eth",
		inJSON(`{"fee":{"walletAddress":"OTHER"}}`), inJSON(`{"limits":{"recipient":"` + theirs + `"}}`), inJSON(`{"fee":{"amount":5},"amount":999}`), inJSON(`{"fee":{"amount":5},"order":{"total":999}}`), "/?subtotal=999", "/?netAmount=999", "/?netAmount=100", "/?volume=5",
		"/?session=" + jwt(`{"recipient":"W2aRZnYGPwhBWB94iFsZus"}`), "/?session=" + jwt(`{"wallet":"OTHER"}`), "/?state=" + jwt(`{"account":"OTHER"}`),
		"/?presetAmounts=50,100,500", "/?presetAmounts=" + q(`[50,100]`), "/?destinationWallets=" + q(`[{"address":"`+ours+`","assets":["USDC","DAI"]}]`), "/?destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":["ethereum","base"],"assets":["ETH"]}]`), "/?crypto_currencies_list=" + q(`[{"ticker":"BTC","network":"BTC"}]`), "/?nets=arbitrum_mainnet,base_mainnet", "/?crys=BTC,USDC", "/?wallets=metamask|OTHER", "/?wallets=" + theirs + "|metamask",
		"/?assetsUrl=" + q("https://pay.alpha.example/?currency=USD"), "/?assetPrefix=USDT", "/?ad_network=polygon", "/?coinbaseAddress=OTHER", "/?total=3", "/?target=OTHER", "/?beneficiary=acme.sa", "/?recipient=a:" + theirs, "/?wallet=" + q("🦊 ") + theirs, "/wallet/1234a", "/recipient/1234",
	} {
		if judged(t, anOrder(), tail) == "" {
			t.Errorf("%s passes", tail)
		}
	}
}
