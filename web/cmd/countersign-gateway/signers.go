package main

import (
	"fmt"
	"os"

	"countersign/shared/id"
	"countersign/shared/vault"
	"countersign/web/internal/gateway"
	"countersign/web/internal/review"
	"countersign/web/internal/signerlink"
)

// Signer is the signer of one entity's vault.
type Signer struct {
	Socket string `json:"socket"` // of countersign-bridge signer
	File   string `json:"file"`   // signer.json: whose entity it is, and whose log is believed
	// Reviewers are where the programs are that judge requests, by the ids of members whom
	// rules name as reviewers: {"mem_chainwatch":"https://chainwatch.example/review"}.
	Reviewers map[string]string `json:"reviewers,omitempty"`
	// Rates are where the programs are that sign rates, by the ids of members whom rules name
	// as their rate_source: {"mem_northrates":"https://northrates.example/rate"}.
	Rates map[string]string `json:"rates,omitempty"`
}

// checkSigners finds what is wrong with the signers, and names it by its place.
func checkSigners(all []Signer) error {
	if len(all) == 0 {
		return fmt.Errorf(`the configuration needs signers, such as [{"socket":"/run/countersign/signer.sock","file":"signer.json"}]; see countersign-gateway --help`)
	}
	of := map[string]int{}
	for i, s := range all {
		if s.Socket == "" || s.File == "" {
			return fmt.Errorf("the configuration's signers[%d] needs socket and file; see countersign-gateway --help", i)
		}
		for what, programs := range map[string]map[string]string{"reviewers": s.Reviewers, "rates": s.Rates} {
			for member, address := range programs {
				if err := review.Check(address); err != nil || !id.Is(id.Member, member) {
					return fmt.Errorf("the configuration's signers[%d].%s[%q] needs the id of a member (mem_…) and an https:// address", i, what, member)
				}
			}
		}
		if j, known := of[s.Socket]; known {
			return fmt.Errorf("the configuration's signers[%d].socket is that of signers[%d] too: each entity has a signer of its own", i, j)
		}
		of[s.Socket] = i
	}
	return nil
}

// vaults are the lines to signers that were checked, and whose logs they are believed for.
func vaults(all []Signer) (open []gateway.Vault, closeAll func(), err error) {
	var links []*signerlink.Link
	closeAll = func() {
		for _, l := range links {
			l.Close()
		}
	}
	of := map[string]int{}
	for i, s := range all {
		pinned, err := os.ReadFile(s.File)
		if err != nil {
			return nil, nil, fmt.Errorf("read the signer's public file: %w", err)
		}
		signer, err := vault.ReadSigner(pinned)
		if err != nil {
			return nil, nil, fmt.Errorf("read the signer's public file %s: %w", s.File, err)
		}
		if j, known := of[signer.Entity]; known {
			return nil, nil, fmt.Errorf("the configuration's signers[%d] and signers[%d] are both of %s: an entity has one", j, i, signer.Entity)
		}
		of[signer.Entity] = i
		link := signerlink.New(s.Socket)
		links = append(links, link)
		open = append(open, gateway.Vault{Entity: signer.Entity, Key: signer.Statement, Root: signer.Root, Signer: link, Reviewers: s.Reviewers, Sources: s.Rates})
	}
	return open, closeAll, nil
}
