package vault

import (
	"errors"

	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// Begins reads the first line of a log: the genesis, and the statement key that it names,
// with which the line is to be verified ([signedlog.Read]) once that is known to be the right one.
func Begins(line string) (g statement.Genesis, key jws.PublicKey, err error) {
	payload, err := jws.Payload(line)
	if err != nil {
		return g, key, err
	}
	e, err := signedlog.Decode(payload)
	if err != nil {
		return g, key, err
	}
	if e.Seq != 0 {
		return g, key, errors.New("it is not the first line")
	}
	b, err := e.Genesis()
	if err != nil {
		return g, key, err
	}
	if g, err = statement.Decode[statement.Genesis](b.Genesis); err != nil {
		return g, key, err
	}
	key, err = jws.FromJWK(g.Signer.Statement)
	return g, key, err
}
