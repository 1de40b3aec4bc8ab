package asset

// Sandbox is the chain that the sandbox runs on the user's own computer.
const Sandbox = "eip155:31337"

const (
	bitcoin  = "bip122:000000000019d6689c085ae165831e93"
	litecoin = "bip122:12a765e31ffd4059bada1e25190f6e98"
	dogecoin = "bip122:1a91e3dace36e2be3bf030a65679fe82"
	solana   = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
	polkadot = "polkadot:91b171bb158e2d3848fa23a9f1c25182"
)

// chains and assets are what shared/spec/assets.md shows. CAIP-19 ids of coins
// are those of SLIP-44; of tokens, the contract's address.
var chains = []Network{
	{"eip155:1", "Ethereum", "ethereum"},
	{Sandbox, "Sandbox chain", "ethereum"},
	{"eip155:137", "Polygon", "polygon"},
	{"eip155:42161", "Arbitrum One", "arbitrum"},
	{"eip155:10", "OP Mainnet", "optimism"},
	{"eip155:8453", "Base", "base"},
	{"eip155:56", "BNB Smart Chain", "bsc"},
	{"eip155:43114", "Avalanche C-Chain", "avalanche_c_chain"},
	{bitcoin, "Bitcoin", "bitcoin"},
	{litecoin, "Litecoin", "litecoin"},
	{dogecoin, "Dogecoin", "dogecoin"},
	{solana, "Solana", "solana"},
	{"cip34:1-764824073", "Cardano", "cardano"},
	{polkadot, "Polkadot", "polkadot"},
	{"xrpl:0", "XRP Ledger", "ripple"},
	{"stellar:pubnet", "Stellar", "stellar"},
	{"tron:0x2b6653dc", "Tron", "tron"},
}

var assets = []Asset{
	{"bitcoin", bitcoin, "slip44:0", "Bitcoin", "BTC", 8, Unseen},
	{"ethereum", "eip155:1", "slip44:60", "Ethereum", "ETH", 18, ByBalance},
	{"ethereum", Sandbox, "slip44:60", "Ethereum", "ETH", 18, ByBalance},
	{"ethereum/erc20/usd__coin", "eip155:1", "erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin", "USDC", 6, ByLogs},
	{"ethereum/erc20/usd_tether__erc20_", "eip155:1", "erc20:0xdAC17F958D2ee523a2206206994597C13D831ec7", "Tether USD", "USDT", 6, ByLogs},
	{"ethereum/erc20/dai_stablecoin_v2_0", "eip155:1", "erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F", "Dai", "DAI", 18, ByLogs},
	{"ethereum/erc20/aave", "eip155:1", "erc20:0x7Fc66500c84A76Ad7e9c93437bFc5Ac33E2DDaE9", "Aave", "AAVE", 18, ByLogs},
	{"ethereum/erc20/sandbox_dollar", Sandbox, "erc20:0x5A9DB0C5000000000000000000000000000D0120", "Sandbox Dollar", "SANDUSD", 6, ByLogs},
	{"polygon", "eip155:137", "slip44:966", "Polygon", "POL", 18, ByBalance},
	{"arbitrum", "eip155:42161", "slip44:60", "Arbitrum", "ETH", 18, ByBalance},
	{"optimism", "eip155:10", "slip44:60", "Optimism", "ETH", 18, ByBalance},
	{"base", "eip155:8453", "slip44:60", "Base", "ETH", 18, ByBalance},
	{"bsc", "eip155:56", "slip44:714", "BNB Chain", "BNB", 18, ByBalance},
	{"avalanche_c_chain", "eip155:43114", "slip44:9005", "Avalanche", "AVAX", 18, ByBalance},
	{"solana", solana, "slip44:501", "Solana", "SOL", 9, Unseen},
	{"litecoin", litecoin, "slip44:2", "Litecoin", "LTC", 8, Unseen},
	{"dogecoin", dogecoin, "slip44:3", "Dogecoin", "DOGE", 8, Unseen},
	{"cardano", "cip34:1-764824073", "slip44:1815", "Cardano", "ADA", 6, Unseen},
	{"polkadot", polkadot, "slip44:354", "Polkadot", "DOT", 10, Unseen},
	{"ripple", "xrpl:0", "slip44:144", "XRP", "XRP", 6, Unseen},
	{"stellar", "stellar:pubnet", "slip44:148", "Stellar", "XLM", 7, Unseen},
	{"tron", "tron:0x2b6653dc", "slip44:195", "Tron", "TRX", 6, Unseen},
}

// currencies are the active codes of ISO 4217 that a person can pay with, each
// followed by its number of minor digits.
const currencies = "AED2AFN2ALL2AMD2AOA2ARS2AUD2AWG2AZN2BAM2BBD2BDT2BGN2BHD3BIF0BMD2BND2BOB2BRL2BSD2BTN2BWP2BYN2BZD2CAD2CDF2CHF2CLP0CNY2COP2CRC2CUP2CVE2CZK2DJF0DKK2DOP2DZD2EGP2ERN2ETB2EUR2FJD2FKP2GBP2GEL2GHS2GIP2GMD2GNF0GTQ2GYD2HKD2HNL2HTG2HUF2IDR2ILS2INR2IQD3IRR2ISK0JMD2JOD3JPY0KES2KGS2KHR2KMF0KPW2KRW0KWD3KYD2KZT2LAK2LBP2LKR2LRD2LSL2LYD3MAD2MDL2MGA2MKD2MMK2MNT2MOP2MRU2MUR2MVR2MWK2MXN2MYR2MZN2NAD2NGN2NIO2NOK2NPR2NZD2OMR3PAB2PEN2PGK2PHP2PKR2PLN2PYG0QAR2RON2RSD2RUB2RWF0SAR2SBD2SCR2SDG2SEK2SGD2SHP2SLE2SOS2SRD2SSP2STN2SVC2SYP2SZL2THB2TJS2TMT2TND3TOP2TRY2TTD2TWD2TZS2UAH2UGX0USD2UYU2UZS2VED2VES2VND0VUV0WST2XAF0XCD2XCG2XOF0XPF0YER2ZAR2ZMW2ZWG2"

// Currency returns the minor digits of an ISO 4217 currency, written in upper
// case: 2 for EUR, 0 for JPY, 3 for KWD.
func Currency(code string) (places int, ok bool) {
	if len(code) != 3 {
		return 0, false
	}
	for i := 0; i < len(currencies); i += 4 {
		if currencies[i:i+3] == code {
			return int(currencies[i+3] - '0'), true
		}
	}
	return 0, false
}

// Currencies lists the codes of all of them.
func Currencies() (all []string) {
	for i := 0; i < len(currencies); i += 4 {
		all = append(all, currencies[i:i+3])
	}
	return all
}
