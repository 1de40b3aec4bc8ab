package main

import (
	"cmp"
	"io"
	"time"

	"countersign/bridge/internal/signer"
	"countersign/shared/asset"
	"countersign/shared/intent"
	"countersign/shared/preset"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

type presetCommand struct {
	Layered presetLayered `cmd:"" help:"A treasury that may only pay the trading account, which has the everyday rules."`
}

type presetLayered struct {
	Chain        string        `required:"" placeholder:"CAIP-2" help:"The chain of both accounts: eip155:1."`
	Treasury     string        `default:"acc_treasury" placeholder:"ID" help:"The account that holds most of the assets."`
	TreasuryName string        `default:"Treasury" placeholder:"NAME" help:"Its name."`
	Trading      string        `default:"acc_trading" placeholder:"ID" help:"The account that pays and buys every day."`
	TradingName  string        `default:"Trading" placeholder:"NAME" help:"Its name."`
	Officers     string        `required:"" placeholder:"GRP" help:"The group that decides on the treasury, and on what is large."`
	Quorum       int           `default:"2" help:"How many of the officers; at least 2."`
	Delay        time.Duration `default:"24h" help:"How long a transfer from the treasury waits after their approval, while each of them may stop it; 0: not at all."`
	Operators    string        `required:"" placeholder:"GRP" help:"The group of which one asks for what is small, and another approves it."`
	Whitelist    string        `required:"" placeholder:"WLS" help:"Whom the trading account may pay."`
	Asset        string        `placeholder:"ID" help:"What small transfers are counted in; the chain's coin when absent."`
	Small        string        `required:"" placeholder:"AMOUNT" help:"The most in one small transfer."`
	Daily        string        `required:"" placeholder:"AMOUNT" help:"The most in small transfers in 24 hours."`
	Currency     string        `default:"EUR" placeholder:"CODE" help:"What purchases are counted in."`
	Purchase     string        `required:"" placeholder:"AMOUNT" help:"The most in one small purchase."`
	Bought       string        `required:"" placeholder:"AMOUNT" help:"The most in small purchases in 24 hours."`
	As           string        `enum:"draft,requests" default:"draft" help:"What is printed: the accounts of a draft, or requests that create them in a vault that there is."`
}

// Help is shown by `countersign-bridge governance preset layered --help`.
func (presetLayered) Help() string {
	return `The treasury pays accounts whose parent it is, and nobody else: officers approve each
transfer, which then waits. The trading account pays whom the whitelist has, and the
treasury: of what is small an operator asks and another approves, what is large the
officers approve. It buys by the same rules.

For a new vault, put what is printed into the draft of its genesis, with the groups and
the whitelist. For one that there is, ask for what is printed with --as requests, line by
line: each is the body of a POST to /v1/requests. The second can be asked for when the
first is approved.

Examples:
  countersign-bridge governance preset layered --chain eip155:1 --officers grp_officers \
    --operators grp_operators --whitelist wls_suppliers --small 1 --daily 5 --purchase 1000 --bought 5000
  countersign-bridge governance simulate draft.json`
}

func (c *presetLayered) Run(std stdio) error {
	coin, _ := asset.Chain(c.Chain)
	l := preset.Layered{
		Treasury: c.Treasury, TreasuryName: c.TreasuryName, Trading: c.Trading, TradingName: c.TradingName, Chain: c.Chain,
		Officers: c.Officers, Operators: c.Operators, Whitelist: c.Whitelist, Quorum: c.Quorum, Delay: int64(c.Delay / time.Second),
		Asset: cmp.Or(c.Asset, coin.Coin), Small: c.Small, Daily: c.Daily, Currency: c.Currency, Purchase: c.Purchase, Bought: c.Bought,
	}
	if c.As == "requests" {
		return printCreations(l, std.out)
	}
	accounts, err := l.Accounts()
	if err != nil {
		return err
	}
	var draft struct {
		Accounts []signer.DraftAccount `json:"accounts"`
	}
	for _, a := range accounts {
		draft.Accounts = append(draft.Accounts, signer.DraftAccount{Account: a.Account, Name: a.Name, Chain: a.Chain, Tier: a.Tier, Parent: a.Parent, Rules: a.Rules})
	}
	return writeJSON(std.out, draft)
}

// printCreations prints the bodies of requests, one in a line.
func printCreations(l preset.Layered, out io.Writer) error {
	all, err := l.Creations()
	if err != nil {
		return err
	}
	for _, i := range all {
		doc, err := intent.Encode(i)
		if err != nil {
			return err
		}
		body, err := strictjson.Canonical(wire.RequestInput{Intent: doc})
		if err != nil {
			return err
		}
		if _, err := out.Write(append(body, '\n')); err != nil {
			return err
		}
	}
	return nil
}
