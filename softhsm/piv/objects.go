package piv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// Tags of the data objects (SP 800-73-4 part 1, table 3).
const (
	tagDiscovery = 0x7e
	tagCHUID     = 0x5fc102
	tagCCC       = 0x5fc107
)

// aid is the application identifier with its version, 1.0. A SELECT may stop
// anywhere behind rid, which is NIST's.
var (
	aid = []byte{0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00}
	rid = aid[:5]
)

// slots say where a key's certificate is and what it may be used for.
var slots = map[Slot]struct {
	tag   uint32
	name  string
	usage x509.KeyUsage
}{
	Authentication:     {0x5fc105, "authentication", x509.KeyUsageDigitalSignature},
	Signature:          {0x5fc10a, "signature", x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment},
	KeyManagement:      {0x5fc10b, "key management", x509.KeyUsageKeyAgreement},
	CardAuthentication: {0x5fc101, "card authentication", x509.KeyUsageDigitalSignature},
}

// newKey makes a key pair and a certificate that it signs itself.
func newKey(slot Slot, cfg Config) (*key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: cfg.Name, OrganizationalUnit: []string{slots[slot].name}},
		NotBefore:    cfg.Now().Add(-time.Hour),
		NotAfter:     cfg.Now().AddDate(10, 0, 0),
		KeyUsage:     slots[slot].usage,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &key{private, cert}, err
}

// nobody is the FASC-N of a card that no federal agency has issued.
var nobody = []byte{
	0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce, 0x73, 0x9d, 0xa1, 0x68,
	0x5a, 0x10, 0x82, 0x10, 0x8c, 0xe7, 0x39, 0x84, 0x10, 0x8c, 0xa3, 0xfc,
}

// personalise writes the data objects. guid becomes the serial number that
// OpenSC shows.
func (c *Card) personalise(guid [16]byte) {
	none := []byte{}
	c.data[tagCHUID] = join(tlv(0x30, nobody), tlv(0x34, guid[:]), tlv(0x35, []byte(c.cfg.Now().AddDate(10, 0, 0).UTC().Format("20060102"))),
		tlv(0x3e, none), tlv(0xfe, none))
	c.data[tagCCC] = join(tlv(0xf0, rid, guid[:]), tlv(0xf1, []byte{0x21}), tlv(0xf2, []byte{0x21}), tlv(0xf3, none), tlv(0xf4, []byte{0}),
		tlv(0xf5, []byte{0x10}), tlv(0xf6, none), tlv(0xf7, none), tlv(0xfa, none), tlv(0xfb, none), tlv(0xfc, none), tlv(0xfd, none), tlv(0xfe, none))
	c.data[tagDiscovery] = join(tlv(0x4f, aid), tlv(0x5f2f, []byte{0x40, 0}))
	for slot, k := range c.keys {
		c.data[slots[slot].tag] = join(tlv(0x70, k.cert.Raw), tlv(0x71, []byte{0}), tlv(0xfe, none))
	}
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
