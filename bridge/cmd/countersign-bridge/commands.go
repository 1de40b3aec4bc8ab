package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"countersign/bridge/internal/access"
	"countersign/bridge/internal/signer"
	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// maxConfig is the largest configuration file, in bytes.
const maxConfig = 256 << 10

// loadTrusted reads the configuration of a signer that uses the vault's PIN or speaks for
// its operator: it fails with AUTHORIZATION_ERROR when another user could change the file.
func loadTrusted(path string, std stdio) (signer.Config, error) {
	v := access.Others(path)
	if v.Warn != "" {
		fmt.Fprintln(std.err, "warning:", v.Warn)
	}
	if v.Refuse != "" {
		return signer.Config{}, fault.New(fault.Forbidden, v.Refuse)
	}
	return loadSigner(path)
}

func loadSigner(path string) (signer.Config, error) {
	var cfg signer.Config
	data, err := os.ReadFile(path)
	if err != nil {
		return cfg, err
	}
	if err := strictjson.UnmarshalFile(data, &cfg, maxConfig); err != nil {
		if bytes.Contains(data, []byte(`"origins"`)) {
			err = fmt.Errorf("it is the configuration of an approver: name that of the signer with --config: %w", err)
		}
		return cfg, fmt.Errorf("read %s as a configuration of the signer: %w", path, err)
	}
	dir := filepath.Dir(path)
	paths := []*string{&cfg.Socket, &cfg.PINFile, &cfg.StateDir}
	for i := range cfg.Private {
		paths = append(paths, &cfg.Private[i])
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return cfg, nil
}
