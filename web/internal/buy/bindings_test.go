package buy

import (
	"net/url"
	"strings"
	"testing"

	"countersign/shared/asset"
	"countersign/shared/quote"
)

// TestAWidgetOnAnotherNetworkIsRefused uses addresses as the makers' documentation
// builds them, for an order on Ethereum.
func TestAWidgetOnAnotherNetworkIsRefused(t *testing.T) {
	t.Parallel()
	q := url.QueryEscape
	for name, tail := range map[string]string{
		"moonpay":          "/?currencyCode=eth_arbitrum&walletAddress=" + ours,
		"moonpay base":     "/?currencyCode=eth_base&walletAddress=" + ours,
		"transak":          "/?cryptoCurrencyCode=ETH&network=arbitrum&walletAddress=" + ours,
		"transak bsc":      "/?cryptoCurrencyCode=ETH&networks=bsc&walletAddress=" + ours,
		"transak default":  "/?cryptoCurrencyCode=ETH&defaultNetwork=polygon&walletAddress=" + ours,
		"ramp":             "/?swapAsset=ARBITRUM_ETH&userAddress=" + ours,
		"ramp base":        "/?swapAsset=BASE_ETH&userAddress=" + ours,
		"ramp zksync":      "/?swapAsset=ZKSYNCERA_ETH&userAddress=" + ours,
		"coinbase":         "/?addresses=" + q(`{"`+ours+`":["base"]}`),
		"coinbase wallets": "/?destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":["base"],"assets":["ETH"]}]`),
		"coinbase default": "/?defaultNetwork=base&addresses=" + q(`{"`+ours+`":["ethereum"]}`),
		"onramper":         "/?defaultCrypto=eth_arbitrum&networkWallets=arbitrum:" + ours,
		"onramper wallets": "/?networkWallets=arbitrum:" + ours,
		"banxa":            "/?coinType=ETH&blockchain=ARBITRUM&walletAddress=" + ours,
		"revolut":          "/?crypto=ETH&blockchain=OPTIMISM&wallet=" + ours,
		"alchemypay":       "/?crypto=ETH&network=ARBITRUM&address=" + ours,
		"alchemypay bep":   "/?crypto=ETH&network=BSC&address=" + ours,
		"guardarian":       "/?crypto_currencies_list=" + q(`[{"ticker":"ETH","network":"ARBITRUM"}]`) + "&payout_address=" + ours,
		"unlimit":          "/?cryptoCurrency=ETH-ARBITRUM&wallet=" + ours,
	} {
		if got := judged(t, anOrder(), tail); !strings.Contains(got, "another") {
			t.Errorf("%s passes: %q", name, got)
		}
	}
}

func TestTheRightOrderAtRealOnRampsPasses(t *testing.T) {
	t.Parallel()
	q := url.QueryEscape
	for name, tail := range map[string]string{
		"moonpay":                      "/?apiKey=pk_live_R5Lf25uBfNZyKwccAZpzcxuL3ZdJ3Hc&currencyCode=eth&walletAddress=" + ours + "&baseCurrencyCode=eur&baseCurrencyAmount=250&lockAmount=true&colorCode=%237D00FF&externalTransactionId=ord_1&externalCustomerId=ent_1&showWalletAddressForm=false&redirectURL=" + q("https://dash.example/o") + "&showOnlyCurrencies=eth&paymentMethod=credit_debit_card&signature=" + q("dGVzdHNpZ25hdHVyZXRlc3RzaWduYXR1cmV0ZXN0c2lnbmE="),
		"transak":                      "/?apiKey=6f9619ff-8b86-d011-b42d-00c04fc964ff&environment=PRODUCTION&cryptoCurrencyCode=ETH&network=ethereum&walletAddress=" + ours + "&fiatAmount=250&fiatCurrency=EUR&defaultPaymentMethod=credit_debit_card&disableWalletAddressForm=true&themeColor=000000&partnerOrderId=ord_1&productsAvailed=BUY&isFeeCalculationHidden=true&hideMenu=true&exchangeScreenTitle=" + q("Buy crypto"),
		"transak networks":             "/?apiKey=x&cryptoCurrencyList=ETH&networks=ethereum&defaultNetwork=ethereum&defaultCryptoCurrency=ETH&walletAddress=" + ours + "&fiatAmount=250&fiatCurrency=EUR",
		"ramp":                         "/?hostApiKey=abc123&swapAsset=ETH_ETH&fiatValue=250&fiatCurrency=EUR&userAddress=" + ours + "&hostAppName=Countersign&hostLogoUrl=" + q("https://dash.example/logo.png") + "&finalUrl=" + q("https://dash.example/o") + "&enabledFlows=ONRAMP&defaultFlow=ONRAMP&variant=hosted-auto",
		"ramp crypto amount in wei":    "/?hostApiKey=abc123&swapAsset=ETH_ETH&swapAmount=93489480000000000&userAddress=" + ours,
		"coinbase":                     "/buy/select-asset?appId=6f9619ff-8b86-d011-b42d-00c04fc964ff&addresses=" + q(`{"`+ours+`":["ethereum"]}`) + "&assets=" + q(`["ETH"]`) + "&presetFiatAmount=250&fiatCurrency=EUR&defaultNetwork=ethereum&defaultAsset=ETH&defaultPaymentMethod=CARD",
		"coinbase destination wallets": "/buy/select-asset?appId=x&destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":["ethereum"],"assets":["ETH"]}]`) + "&presetFiatAmount=250",
		"coinbase session":             "/buy/select-asset?sessionToken=ZWJlNDgwYmItNjBkMi00ZmFiLWIxYTQtMTM3MGI2YjJiNjFh&defaultNetwork=ethereum&defaultAsset=ETH&presetFiatAmount=250&fiatCurrency=EUR",
		"onramper":                     "/?apiKey=pk_prod_x&mode=buy&defaultCrypto=eth&onlyCryptos=eth&defaultFiat=eur&defaultAmount=250&networkWallets=ethereum:" + ours + "&themeName=dark&primaryColor=241d1c&borderRadius=0.5",
		"onramper wallets":             "/?apiKey=pk_prod_x&onlyCryptos=eth_ethereum&wallets=eth_ethereum:" + ours + "&defaultFiat=EUR&defaultAmount=250",
		"mercuryo":                     "/?widget_id=67710925-8b40-4767-846e-3b88db69f04d&type=buy&currency=ETH&network=ETHEREUM&fiat_currency=EUR&fiat_amount=250&fix_fiat_amount=true&address=" + ours + "&merchant_transaction_id=ord_1&signature=" + random + random,
		"banxa":                        "/?coinType=ETH&fiatType=EUR&fiatAmount=250&blockchain=ERC20&walletAddress=" + ours + "&orderType=buy&orderMode=BUY",
		"alchemypay":                   "/?crypto=ETH&network=ETH&fiat=EUR&fiatAmount=250&address=" + ours + "&appId=f83Is2y7L425rxl8&merchantOrderNo=ord_1&timestamp=1795208400123&sign=" + q("b2pmSnNkZmpzZGZqc2RmanNkZg=="),
		"guardarian":                   "/calculator/v1?partner_api_token=x&default_fiat_amount=250&default_fiat_currency=EUR&default_crypto_currency=ETH&crypto_currencies_list=" + q(`[{"ticker":"ETH","network":"ETH"}]`) + "&payout_address=" + ours + "&side_toggle_disabled=true",
		"wert":                         "/01/widget?partner_id=x&commodity=ETH&network=ethereum&commodity_amount=0.09348948&address=" + ours + "&currency=EUR&currency_amount=250&click_id=ord_1",
		"unlimit":                      "/?merchantId=6f9619ff-8b86-d011-b42d-00c04fc964ff&wallet=" + ours + "&cryptoCurrency=ETH&cryptoCurrencyLock=true&fiatCurrency=EUR&fiatAmount=250&orderCustomId=ord_1",
		"simplex":                      "/partners/x/buy?crypto=ETH&fiat=EUR&fiat_amount=250&crypto_address=" + ours,
		"topper":                       "/?bt=eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiI2Zjk2MTlmZiIsInN1YiI6Ind0IiwiaWF0IjoxNzk1MjA4NDAwfQ.c2ln",
		"revolut":                      "/?partnerRedirectUrl=" + q("https://dash.example/o") + "&crypto=ETH&blockchain=ETHEREUM&fiat=EUR&amount=250&payment=card&wallet=" + ours + "&orderId=ord_1",
	} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestTheAddressBoundToSomethingElseIsRefused: a name that is the address, a list
// or an object that holds both, a pair, in whatever case and wrapping.
func TestTheAddressBoundToSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	q := url.QueryEscape
	for _, tail := range []string{
		"/?addresses=" + q(`{"`+ours+`":["base"]}`), "/?addresses=" + q(`{"`+strings.ToLower(ours)+`":["polygon"]}`), "/?addresses=" + q(`{"`+ours+`":"optimism"}`), "/?addresses=" + q(`{"`+ours+`":["ethereum","zksync"]}`),
		"/?addresses=" + q(`{"`+ours+`":["avalanche-c-chain"]}`), "/?addresses=" + b64(`{"`+ours+`":["base"]}`), "/?a=" + q(`{"`+ours+`":{"base":true}}`), "/?a=" + q(`{"`+ours+`":[8453]}`), "/?a=" + q(`{"`+ours+`":{"chains":["base"]}}`),
		"/?" + ours + "=base", "/?addresses%5B" + ours + "%5D=base", "/?addresses%5B" + ours + "%5D%5B%5D=base", "/#/?x=" + q(`{"`+ours+`":["base"]}`),
		"/?addresses=" + q(`{"`+theirs+`":["ethereum"]}`), "/?" + theirs + "=ethereum", "/?x=eth_" + theirs, "/?x=eth-" + theirs,
		"/?destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":["base"]}]`), "/?w=" + q(`[{"address":"`+ours+`","supported_chains":["base"]}]`), "/?w=" + q(`[{"address":"`+ours+`","x":["base"]}]`), "/?w=" + q(`["`+ours+`",["base"]]`), "/?w=" + q(`["`+ours+`","base"]`), "/?w=" + q(`[["base","`+ours+`"]]`),
		"/?w=" + q(`{"base":"`+ours+`"}`), "/?walletAddresses=" + q(`{"BTC":"`+ours+`"}`), "/?networkWallets=" + q(`{"zksync":"`+ours+`"}`), "/?base=" + ours, "/?polygonAddress=" + ours, "/?btc_address=" + ours,
		"/?blockchains=base", "/?supportedChains=polygon", "/?defaultnetwork=base", "/?networks=optimism", "/?Blockchains=" + q(`["base"]`), "/?blockchains=avalanche-c-chain", "/?allowedNetworks=stellar", "/?chains=8453",
		"/?networkWallets=base:" + ours, "/?networkWallets=ethereum:" + ours + ",base:" + ours, "/?networkWallets=ethereum:OTHER", "/?walletNetworks=zksync:" + ours, "/?walletAddress=base:" + ours, "/?walletAddress=eip155:137:" + ours, "/?x=eip155:8453:" + ours, "/?x=ethereum:" + ours + "@137", "/?x=ethereum:" + ours + "@0x89", "/?walletAddress=polygon%7C" + ours, "/?wallets=eth_base:" + ours, "/?wallets=usdc_ethereum:" + ours, "/?wallets=btc:" + ours, "/?w=base_" + ours, "/?walletAddress=" + ours + ":base", "/?walletAddress=" + ours + ",OTHER", "/?w=base," + ours, "/base/" + ours, "/" + ours + "/polygon", "/?net=base", "/?protocol=TRC20", "/?l2=base",
		"/?swapAmount=93489480000000", "/?swapAmount=95000000000000000", "/?fiatAmount=93489480000000000", "/?swapAmount=9348948", "/?amount=25000", "/?swapAmount=", "/?value=1000000000000000000", "/?cryptos=shib", "/?coins=BTC", "/?onlyCryptos=btc", "/?amounts=999", "/?tickers=BTC", "/?totals=9",
		"/?blockchain=bep20", "/?chain=arb", "/?assets=" + q(`["USDC"]`), "/?assets=" + q(`["SHIB"]`),
	} {
		got := judged(t, anOrder(), tail)
		if !strings.Contains(got, "another") {
			t.Errorf("%s passes: %q", tail, got)
		}
		if lower := strings.ToLower(got); strings.Contains(lower, strings.ToLower(ours[4:])) || strings.Contains(lower, strings.ToLower(theirs[4:])) {
			t.Errorf("%s: an address is told: %s", tail, got)
		}
	}
}

func TestTheAddressBoundToItsOwnNetworkPasses(t *testing.T) {
	t.Parallel()
	q := url.QueryEscape
	for _, tail := range []string{
		"/?addresses=" + q(`{"`+ours+`":["ethereum"]}`), "/?addresses=" + q(`{"`+strings.ToLower(ours)+`":["ethereum"]}`), "/?addresses=" + q(`{"`+ours+`":"ETH"}`), "/?addresses=" + q(`{"`+ours+`":["eip155:1"]}`), "/?addresses=" + q(`{"`+ours+`":[1]}`), "/?a=" + q(`{"`+ours+`":{"ethereum":true,"base":false}}`), "/?a=" + q(`{"`+ours+`":{"label":"Treasury","memo":""}}`), "/?a=" + q(`{"`+ours+`":[]}`), "/?a=" + q(`{"`+ours+`":""}`),
		"/?" + ours + "=ethereum", "/?addresses%5B" + ours + "%5D=ethereum", "/?addresses%5B" + ours + "%5D%5B%5D=ethereum", "/?x=eth_" + ours, "/?x=eth-" + ours,
		"/?destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":["ethereum"],"assets":["ETH"],"supportedNetworks":["ethereum"]}]`), "/?w=" + q(`["`+ours+`",["ethereum"]]`), "/?w=" + q(`["`+ours+`","ETH"]`), "/?w=" + q(`{"ethereum":"`+ours+`"}`), "/?walletAddresses=" + q(`{"eth":"`+ours+`"}`), "/?networkWallets=" + q(`{"ethereum":"`+ours+`"}`), "/?eth=" + ours, "/?ethAddress=" + ours, "/?to=" + ours, "/?evmAddress=" + ours,
		"/?networkWallets=ethereum:" + ours, "/?networkWallets=" + ours, "/?networkWallets=ETH:" + ours, "/?walletAddress=ethereum:" + ours + "@1", "/?walletAddress=ethereum:pay-" + ours + "@1", "/?walletAddress=" + ours + "@0x1", "/?walletAddress=" + ours + ":12345", "/?wallets=eth:" + ours, "/?wallets=eth_ethereum:" + ours, "/?wallets=ETH," + ours, "/eth/" + ours, "/ethereum/" + ours, "/?networkWalletAddress=" + ours,
		"/?swapAmount=93489480000000000", "/?swapAmount=93000000000000000", "/?amount=93489480000000000", "/?cryptoAmount=93489480000000000", "/?value=93489480000000000", "/?x=ethereum:" + ours + q("?value=9.348948e16"), "/?amountWei=93489480000000000",
		"/?blockchains=ethereum", "/?chains=1", "/?chainId=0x1", "/?network=homestead", "/?networks=" + q(`["ethereum"]`), "/?chains=" + q(`{"ethereum":true}`), "/?config=" + q(`{"walletAddress":"`+ours+`","theme":"base","variant":"base","features":["swap","buy"],"dark":true,"locale":"en"}`),
		"/?wallet=" + q(`{"address":"`+ours+`","network":"ethereum","primary":true}`), "/?next=" + q("https://pay.alpha.example/base/index.html?a="+ours), "/?wallet_address=" + ours + "&utm_source=base", "/?process=1&address=" + ours, "/?statuses=base", "/?paymentMethods=card&themes=base&fees=3&limits=50",
		"/?config=" + q(`{"amount":250,"disableAmount":true,"showAddress":false}`), "/?message=" + q("Send ETH to "+ours),
	} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
}

// TestEachNetworkIsKnownByItsNames: as providers write them, for orders of several
// assets; matic is Polygon, and nothing else's.
func TestEachNetworkIsKnownByItsNames(t *testing.T) {
	t.Parallel()
	q := url.QueryEscape
	at := func(to, chain, crypto string) quote.HandOff {
		o := anOrder()
		o.Input.To, o.Chain, o.Crypto = to, chain, crypto
		return o
	}
	for id, c := range map[string]struct {
		o         quote.HandOff
		good, bad []string
	}{
		"usdc": {at("ethereum/erc20/usd__coin", "eip155:1", "249.1"), []string{
			"/?currencyCode=usdc&walletAddress=" + ours, "/?addresses=" + q(`{"`+ours+`":["ethereum"]}`) + "&assets=" + q(`["USDC"]`), "/?swapAsset=ETH_USDC&swapAmount=249100000&userAddress=" + ours, "/?networkWallets=ethereum:" + ours, "/?wallets=usdc_ethereum:" + ours, "/?networks=ethereum&cryptoCurrencyCode=USDC", "/?blockchain=ERC20&coinType=USDC", "/?asset=eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "/?crypto=USDC-ERC20", "/?commodity=USDC&network=ethereum&commodity_amount=249.1", "/?currency=USDC%20(ERC20)", "/?currency=USD%20Coin", "/?walletAddress=" + ours + "&tokenAddress=0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
			"/?destinationWallets=" + q(`[{"address":"`+ours+`","assets":["USDC"],"blockchains":["ethereum"]}]`), "/?x=" + q(`{"USDC":"`+ours+`"}`), "/?usdcAddress=" + ours, "/?ethereumAddress=" + ours, "/?amount=249.1USDC", "/?usdc=249.1"},
			[]string{"/?addresses=" + q(`{"`+ours+`":["base"]}`), "/?currencyCode=usdc_polygon", "/?swapAsset=MATIC_USDC", "/?assets=" + q(`["ETH"]`), "/?wallets=eth_arbitrum:" + ours, "/?asset=eip155:137/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "/?x=" + q(`{"BTC":"`+ours+`"}`), "/?currencyCode=usdc_sol", "/?blockchains=" + q(`["ethereum","base"]`), "/?addresses=" + q(`{"`+ours+`":["ethereum","base"]}`)}},
		"base": {at("base", "eip155:8453", "0.09348948"), []string{"/?addresses=" + q(`{"`+ours+`":["base"]}`), "/?currencyCode=eth_base&walletAddress=" + ours, "/?swapAsset=BASE_ETH&swapAmount=93489480000000000", "/?network=base&cryptoCurrencyCode=ETH", "/?networkWallets=base:" + ours, "/?chainId=8453", "/?chainId=0x2105", "/?blockchains=base-mainnet", "/?base=" + ours, "/?x=ethereum:" + ours + "@8453", "/?wallets=eth_base:" + ours},
			[]string{"/?addresses=" + q(`{"`+ours+`":["ethereum"]}`), "/?network=ethereum", "/?networkWallets=ethereum:" + ours, "/?blockchains=ethereum", "/?chainId=1"}},
		"bsc":     {at("bsc", "eip155:56", "0.4"), []string{"/?currencyCode=bnb_bsc", "/?swapAsset=BSC_BNB", "/?network=bsc", "/?network=BINANCESMARTCHAIN", "/?blockchain=" + q("BEP20(BSC)"), "/?network=BEP20", "/?coinType=BNB", "/?network=bnb-smart-chain", "/?network=bnb-chain", "/?addresses=" + q(`{"`+ours+`":["bsc"]}`), "/?network=" + q("BNB Smart Chain (BEP20)"), "/?crypto=BNB-BEP20"}, []string{"/?network=ethereum", "/?network=BEP2"}},
		"avax":    {at("avalanche_c_chain", "eip155:43114", "12"), []string{"/?currencyCode=avax_cchain", "/?swapAsset=AVAX_AVAX", "/?network=avaxcchain", "/?network=avalanche-c-chain", "/?network=avaxc", "/?blockchain=AVAX-C", "/?addresses=" + q(`{"`+ours+`":["avalanche-c-chain"]}`), "/?network=AVALANCHE"}, []string{"/?network=ethereum"}},
		"pol":     {at("polygon", "eip155:137", "1043.5"), []string{"/?currencyCode=pol_polygon", "/?currencyCode=matic_polygon", "/?swapAsset=MATIC_POL", "/?swapAsset=MATIC_MATIC", "/?network=polygon", "/?blockchain=MATIC", "/?coinType=MATIC", "/?currency=MATIC"}, []string{"/?swapAsset=MATIC_USDC"}},
		"arb":     {at("arbitrum", "eip155:42161", "0.09348948"), []string{"/?currencyCode=eth_arbitrum", "/?swapAsset=ARBITRUM_ETH", "/?network=arbitrum", "/?network=arbitrum-one", "/?network=arb", "/?currency=ARBITRUM"}, []string{"/?network=arbitrum-nova"}},
		"op":      {at("optimism", "eip155:10", "0.09348948"), []string{"/?currencyCode=eth_optimism", "/?swapAsset=OPTIMISM_ETH", "/?network=optimism", "/?network=op-mainnet", "/?networkWallets=optimism:" + ours}, []string{"/?network=base"}},
		"sandbox": {at("ethereum", "eip155:31337", "0.09348948"), []string{"/?network=ethereum&walletAddress=" + ours, "/?chainId=31337", "/?addresses=" + q(`{"`+ours+`":["ethereum"]}`), "/?x=eip155:31337:" + ours, "/?networkWallets=ethereum:" + ours}, []string{"/?chainId=1", "/?x=eip155:1:" + ours}},
		"eth": {at("ethereum", "eip155:1", "0.09348948"), []string{"/?addresses=" + q(`{"`+ours+`":["ethereum"]}`) + "&theme=base", "/?walletAddress=" + ours + "&baseCurrency=EUR&base=EUR&baseUrl=x", "/?near=paris&ton=10&scroll=true", "/?config=" + q(`{"wallets":[{"address":"`+ours+`","name":"base","label":"optimism"}],"layout":["base","footer"]}`), "/?walletAddress=" + ours + "&steps=" + q(`["amount","address","payment"]`), "/?wallet=" + q(`{"address":"`+ours+`","types":["evm"],"tags":["base"]}`), "/?walletData=" + q(`{"ETH":{"address":"`+ours+`","tag":""}}`), "/?walletAddress=" + ours + "%20", "/?amount=250%20&x=1", "/?walletAddressesJson=" + q(`[{"currency":"ETH","address":"`+ours+`"}]`), "/?walletAddress=" + ours + "&walletAddressSignature=" + random, "/?signature=" + q(b64("ethereum:"+ours)), "/widget/ETH/" + ours + "/EUR/250", "/?account=" + ours, "/?n=ethereum&a=" + ours, "/?amount=250.0000", "/?presetFiatAmount=250&presetCryptoAmount=0.0935", "/?networks=" + q(`[{"id":1,"name":"ethereum"}]`), "/?networks=" + q(`[{"chainId":1,"address":"`+ours+`"}]`), "/?chains=eip155:1", "/?networkMode=live", "/?value=93489480000000000&to=" + ours},
			[]string{"/?networks=" + q(`[{"chainId":137,"address":"`+ours+`"}]`), "/?addresses=" + q(`{"`+ours+`":{"networks":["base"]}}`), "/?addresses=" + q(`{"`+ours+`":[{"name":"base"}]}`), "/?addresses=" + q(`{"`+ours+`":[{"network":"base"}]}`), "/?addresses=" + q(`[{"`+ours+`":["base"]}]`), "/?addresses=" + q(`{"addresses":{"`+ours+`":["base"]}}`), "/?addresses=" + q(`{"`+ours+`":"base,ethereum"}`), "/?addresses=" + q(`{"`+ours[2:]+`":["base"]}`), "/?addresses=" + q(`{"eip155:8453:`+ours+`":["ethereum"]}`), "/?addresses=" + q(`{"`+ours+`":["BASE"]}`), "/?addresses=" + q(q(`{"`+ours+`":["base"]}`)), "/?destinationWallets=" + q(`[{"address":"`+ours+`","supportedNetworks":["base"]}]`), "/?destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":"base"}]`), "/?destinationWallets=" + q(`[{"address":"`+ours+`","chain":{"name":"base"}}]`), "/?destinationWallets=" + q(`[{"address":"`+ours+`","blockchains":[{"id":"base"}]}]`), "/?destinationWallets=" + q(`[{"blockchains":["base"],"addresses":["`+ours+`"]}]`), "/?destinationWallets=" + q(`[{"address":"`+ours+`","assets":["USDC"]}]`), "/?destinationWallets=" + q(`[{"address":"`+ours+`","on":"base"}]`), "/?base=" + q(`{"address":"`+ours+`"}`), "/?w=" + q(`{"base":{"address":"`+ours+`"}}`), "/?w=" + q(`{"base":["`+ours+`"]}`), "/?wallets=" + q(`{"base":["`+ours+`"]}`), "/?walletAddress.base=" + ours, "/?wallets[base]=" + ours, "/?wallets[base][]=" + ours, "/?wallets[0][chain]=base", "/?networkWallets[]=base:" + ours, "/?networkWallets=base%3D" + ours, "/?networkWallets=base-" + ours, "/?networkWallets=base%7C" + ours, "/?networkWallets=base%2F" + ours, "/?networkWallets=" + ours + "%40base", "/?networkWallets=" + q(`["base:`+ours+`"]`), "/?w=base%3D" + ours, "/?wallet=" + ours + "%3Fchain%3Dbase", "/?wallet=" + ours + "%3FchainId%3D137", "/?blockchain_list=base", "/?onlyNetworks=base,ethereum", "/?selectedBlockchain=base", "/?layer2=base", "/?evm=base"}},
	} {
		for _, tail := range c.good {
			if got := judged(t, c.o, tail); got != "" {
				t.Errorf("%s: %s: %s", id, tail, got)
			}
		}
		for _, tail := range c.bad {
			if got := judged(t, c.o, tail); !strings.Contains(got, "another") {
				t.Errorf("%s: %s passes: %q", id, tail, got)
			}
		}
	}
}

func TestAnAmountOfAnotherCurrencyIsRefused(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{
		"/?amount=250%20USD", "/?fiatAmount=250USD", "/?fiatAmount=USD250", "/?amount=%24250", "/?amount=0.09348948%20BTC", "/?cryptoAmount=0.0935BTC", "/?crypto=250%20USDT", "/?cryptoAmount=0.09348948USDT",
		"/?baseCurrencyAmount=250GBP", "/?amount=JPY250", "/?amount=250k", "/?amount=250M", "/?amount=250K%20EUR", "/?amount=%C2%A3250", "/?amount=US%24250", "/?amount=250%20SHIB", "/?currencySymbol=%24",
		"/?EUR=999", "/?eur=999", "/?usd=250", "/?USD=250", "/?eth=5", "/?btc=0.09348948",
	} {
		if got := judged(t, anOrder(), tail); !strings.Contains(got, "another") {
			t.Errorf("%s passes: %q", tail, got)
		}
	}
	for _, tail := range []string{"/?amount=%E2%82%AC250", "/?amount=EUR%20250", "/?amount=250%20euros", "/?amount=fiat:250", "/?amount=0.09348948ETH", "/?amount=93489480000000000%20wei", "/?eur=250", "/?ETH=0.0935", "/?usd=1", "/?try=2&base=7", "/?dot=2", "/?currencySymbol=%E2%82%AC"} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
	o := anOrder()
	o.Input.From = "USD"
	if judged(t, o, "/?amount=%24250") != "" || judged(t, o, "/?amount=US%24250") != "" || judged(t, o, "/?amount=%E2%82%AC250") == "" {
		t.Error("the sign of a currency is not compared with the order's")
	}
}

// TestWhatIsEthereumsIsNotAnotherChains: what providers call Ethereum for short is
// another network on every other chain, unless its own name stands beside it.
func TestWhatIsEthereumsIsNotAnotherChains(t *testing.T) {
	t.Parallel()
	for id, names := range map[string]string{"base": "base", "arbitrum": "arbitrum", "optimism": "optimism", "polygon": "polygon", "bsc": "bsc", "avalanche_c_chain": "avalanche"} {
		a, _ := asset.ByID(id)
		o := anOrder()
		o.Input.To, o.Chain = id, a.Chain
		for _, word := range []string{"ERC20", "erc-20", "mainnet", "main", "ETH", "ethereum", "Ethereum Mainnet", "ETH_ERC20", "1", "0x1"} {
			for _, tail := range []string{"/?network=" + url.QueryEscape(word), "/?blockchain=" + url.QueryEscape(word), "/?chains=" + url.QueryEscape(`["`+word+`"]`), "/?networkWallets=" + url.QueryEscape(word) + ":" + ours} {
				if judged(t, o, tail) == "" {
					t.Errorf("%s: %s passes", id, tail)
				}
			}
		}
		for _, tail := range []string{"/?x=" + url.QueryEscape(`{"`+ours+`":["ERC20"]}`), "/?walletAddresses=" + url.QueryEscape(`{"mainnet":"`+ours+`"}`), "/?coin=" + a.Ticker + "_ERC20", "/?rail=ERC20", "/?mainnetAddress=" + ours} {
			if judged(t, o, tail) == "" {
				t.Errorf("%s: %s passes", id, tail)
			}
		}
		for _, tail := range []string{
			"/?network=" + names, "/?network=" + names + "-mainnet", "/?network=" + strings.ToUpper(names) + "_MAINNET", "/?network=" + names + "mainnet", "/?network=" + url.QueryEscape(names+" (ERC20)"), "/?network=" + names + "+network", "/?network=" + names + "-l2", "/?network=EVM",
			"/?currency=" + a.Ticker + "_" + names, "/?currency=" + a.Ticker, "/?networkWallets=" + names + "_mainnet:" + ours, "/?wallet_addresses[" + names + "_mainnet]=" + ours, "/?" + names + "MainnetAddress=" + ours, "/?account=main", "/?wallet=Main",
			"/?x=" + url.QueryEscape(`{"`+ours+`":["`+names+`"]}`),
		} {
			if got := judged(t, o, tail); got != "" {
				t.Errorf("%s: %s: %s", id, tail, got)
			}
		}
	}
	for _, tail := range []string{"/?network=ERC20", "/?network=mainnet", "/?network=L1", "/?network=eth_l1", "/?network=ethereum+network", "/?network=Ethereum+chain", "/?network=ETHMAINNET", "/?networkWallets=ERC20:" + ours} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("on Ethereum: %s: %s", tail, got)
		}
	}
}

// TestANetworkIsSeenUnderAnyWordForNetworks: also where the word beside it is one for
// something about a network.
func TestANetworkIsSeenUnderAnyWordForNetworks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"networkType", "networkLabel", "networkMode", "chainType", "chainSource", "blockchain_style", "network_display", "chainGroup"} {
		if judged(t, anOrder(), "/?"+name+"=polygon") == "" {
			t.Errorf("%s=polygon passes", name)
		}
		for _, value := range []string{"ethereum", "evm", "live", "mainnet", "l1"} {
			if got := judged(t, anOrder(), "/?"+name+"="+value); got != "" {
				t.Errorf("%s=%s: %s", name, value, got)
			}
		}
	}
	for _, tail := range []string{inJSON(`{"chain":{"type":"polygon"}}`), inJSON(`{"network":{"label":"base"}}`), inJSON(`{"network":{"mode":"Arbitrum One"}}`), "/buy/polygon", "/trade/arbitrum", "/purchase/bsc"} {
		if judged(t, anOrder(), tail) == "" {
			t.Errorf("%s passes", tail)
		}
	}
	for _, tail := range []string{inJSON(`{"chain":{"type":"evm"}}`), "/buy/ethereum", "/base/checkout", "/near/you", "/op/checkout"} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
}

// TestNoConstantStandsForWhoReceives: an asset's contract, and the words for a chain's
// own coin, are no place to send to.
func TestNoConstantStandsForWhoReceives(t *testing.T) {
	t.Parallel()
	const none, native, contract = "0x0000000000000000000000000000000000000000", "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
	usdc := anOrder()
	usdc.Input.To, usdc.Crypto = "ethereum/erc20/usd__coin", "249.1"
	for _, name := range []string{"tokenRecipient", "tokenWalletAddress", "assetDestination", "currencyPayoutWallet", "coinReceiverAddress", "tokenDepositAddress", "coinAddress", "cryptoCurrencyAddress", "currencyWallet", "userTokenAddress", "mintOwner", "tokenAccount"} {
		if judged(t, usdc, "/?"+name+"="+contract) == "" {
			t.Errorf("%s: the contract passes", name)
		}
		for _, value := range []string{none, native} {
			if judged(t, anOrder(), "/?"+name+"="+value) == "" {
				t.Errorf("%s=%s passes", name, value)
			}
		}
	}
	for _, tail := range []string{"/?tokenAddress=" + none, "/?contractAddress=" + native, "/?toToken=" + native, "/?asset=" + none, "/?outputCurrency=" + native} {
		if got := judged(t, anOrder(), tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
	for _, tail := range []string{"/?tokenAddress=" + contract, "/?mint=" + contract, "/?outputCurrency=" + contract, "/?token_contract=" + contract, "/?assetContractAddress=" + contract} {
		if got := judged(t, usdc, tail); got != "" {
			t.Errorf("%s: %s", tail, got)
		}
	}
}
