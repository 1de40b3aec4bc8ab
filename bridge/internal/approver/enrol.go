package approver

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"countersign/bridge/internal/member"
	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// Enrolment is a certificate as the vault gave it, and where the member's keys are.
type Enrolment struct {
	Certificate string // JWS
	// ApprovalKey and ChannelKey are URIs; empty: as the configuration has them.
	ApprovalKey, ChannelKey string
	SignerFile              string // empty: that of the configuration
}

// Enrol keeps a certificate of the pinned signer beside the configuration, in place of an older
// one of the member, and puts the identity into the configuration, of which the rest stays as
// it is. It counts from the next start of a bridge on. It fails with CERTIFICATE_INVALID, and with INVALID_REQUEST when the
// configuration does not say where the keys or the signer's file are, and nothing else does.
func (c Config) Enrol(e Enrolment, now time.Time) (*member.Identity, error) {
	payload, err := jws.Payload(e.Certificate)
	if err != nil {
		return nil, fault.Wrap(err, fault.CertificateBad, "the certificate cannot be read")
	}
	says, err := statement.Decode[statement.Member](payload) // which is verified below
	if err != nil {
		return nil, fault.Wrap(err, fault.CertificateBad, "the certificate cannot be read")
	}
	dir := filepath.Dir(c.file)
	id := member.Config{Entity: says.Entity, Member: says.Member, CertificateFile: filepath.Join(dir, says.Member+".jws"), SignerFile: e.SignerFile}
	at := slices.IndexFunc(c.Identities, func(was member.Config) bool { return was.Entity == id.Entity && was.Member == id.Member })
	if at >= 0 {
		id = c.Identities[at]
	}
	if e.SignerFile != "" && e.SignerFile != c.SignerFile {
		id.SignerFile = e.SignerFile
	}
	if e.ApprovalKey != "" {
		id.ApprovalKey, id.ChannelKey = e.ApprovalKey, e.ChannelKey
	}
	switch {
	case id.ApprovalKey == "":
		return nil, fault.New(fault.Invalid, "the configuration does not know "+id.Member+" yet: say in which token the keys are").With("field", "token")
	case id.SignerFile == "" && c.SignerFile == "":
		return nil, fault.New(fault.Invalid, "the configuration names no signer.json: say where the one from the vault's operator is").With("field", "signer_file")
	}
	next := id
	next.CertificateFile += ".next"
	defer os.Remove(next.CertificateFile) // it is gone when all went well
	if err := statefile.Write(next.CertificateFile, []byte(e.Certificate+"\n")); err != nil {
		return nil, fmt.Errorf("write the certificate: %w", err)
	}
	list, err := member.Read(c.SignerFile, []member.Config{next}, 1)
	if err != nil {
		return nil, err
	}
	for _, o := range list.Out {
		return nil, fault.Wrap(o.Err, o.Code, "the certificate was refused: "+o.Err.Error())
	}
	if err := list.All[0].Valid(now); err != nil {
		return nil, err
	}
	if err := os.Rename(next.CertificateFile, id.CertificateFile); err != nil {
		return nil, fmt.Errorf("write the certificate: %w", err)
	}
	if at >= 0 && id == c.Identities[at] {
		return list.All[0], nil
	}
	return list.All[0], c.identify(id)
}

// identify puts an identity into the file of a configuration.
func (c Config) identify(id member.Config) error {
	path, err := filepath.EvalSymlinks(c.file)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	data, err := statefile.Read(path)
	if err != nil {
		return err
	}
	var cfg Config // with paths as they are written
	if err := strictjson.UnmarshalFile(data, &cfg, statefile.Max); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	for _, p := range []*string{&id.CertificateFile, &id.SignerFile} {
		if rel, err := filepath.Rel(filepath.Dir(c.file), *p); err == nil && *p != "" && !strings.HasPrefix(rel, "..") {
			*p = rel
		}
	}
	all := slices.DeleteFunc(cfg.Identities, func(was member.Config) bool { return was.Entity == id.Entity && was.Member == id.Member })
	if data, err = setMember(data, "identities", append(all, id)); err != nil {
		return fmt.Errorf("write %s: %w", c.file, err)
	}
	return replace(path, data)
}
