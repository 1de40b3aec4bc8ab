package extract

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// TypManifest is the typ of a signed manifest: no token of the gateway has it.
const TypManifest = "countersign-account-statement+jws"

// Manifest says which files a statement consists of, and how they are to be read.
type Manifest struct {
	V       int            `json:"v"`    // 1
	Type    string         `json:"type"` // "account_statement"
	Entity  string         `json:"entity"`
	Account string         `json:"account"`
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"` // not included
	Made    time.Time      `json:"made"`
	Whole   bool           `json:"complete"` // nothing more can be booked in the period
	Files   []ManifestFile `json:"files"`
	Choices []string       `json:"choices"`
}

// ManifestFile is one file.
type ManifestFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // base64url
	Bytes  int    `json:"bytes"`
}

// choices are what was chosen where formats leave a choice, or cannot say it.
func choices(s wire.AccountStatement) []string {
	all := []string{
		"times are when an entry was booked, in UTC; it is booked when its block has the confirmations of its chain, and camt.053 has the time of the block as value date",
		"CSV and JSON Lines are exact; in CSV what leaves the account has a minus, what a transaction paid for itself is a row of its own, and the columns fee_amount and fee_asset are empty",
		fmt.Sprintf("values are by the newest rate that a source of the vault signed for a request of this account, at most %d hours old; without one there is none", governance.MaxRateAge/3600),
	}
	for _, of := range assetsOf(s) {
		if st := statedIn(s, of); st.fiat {
			all = append(all, "camt.053: amounts of "+of+" are values in "+st.currency+", with exact quantities in AddtlTxInf, and one entry REVALUATION where prices changed")
		} else {
			all = append(all, "camt.053: amounts of "+of+" are quantities in XXX, cut after 5 places, because not all of it has a recorded rate, with exact quantities in AddtlTxInf, and one entry ROUNDING for what was cut")
		}
	}
	return all
}

// Archive is a ZIP file with a statement in all formats and a manifest, which sign signs as a
// compact JWS over its canonical bytes.
func Archive(s wire.AccountStatement, sign func(typ string, payload []byte) (string, error)) (File, error) {
	m := Manifest{V: 1, Type: "account_statement", Entity: s.Entity, Account: s.Account.ID, From: s.From, To: s.To, Made: s.ServerTime, Whole: s.Complete, Files: []ManifestFile{}, Choices: choices(s)}
	var files []File
	for _, format := range []string{CSV, Lines, Camt} {
		f, err := Of(s, format)
		if why, ok := fault.As(err); ok && format == Camt {
			m.Choices = append(m.Choices, "camt.053 is left out: "+why.Message)
			continue
		}
		if err != nil {
			return File{}, err
		}
		sum := sha256.Sum256(f.Body)
		files, m.Files = append(files, f), append(m.Files, ManifestFile{f.Name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.Body)})
	}
	body, err := strictjson.Canonical(m)
	if err != nil {
		return File{}, fmt.Errorf("write the manifest: %w", err)
	}
	signed, err := sign(TypManifest, body)
	if err != nil {
		return File{}, err
	}
	files = append(files, File{Name: "manifest.json", Body: body}, File{Name: "manifest.jws", Body: []byte(signed)})
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: s.ServerTime.UTC()})
		if err == nil {
			_, err = w.Write(f.Body)
		}
		if err != nil {
			return File{}, fmt.Errorf("write the archive: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return File{}, fmt.Errorf("write the archive: %w", err)
	}
	return File{Name: base(s) + ".zip", Kind: "application/zip", Body: b.Bytes()}, nil
}
