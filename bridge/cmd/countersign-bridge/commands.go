package main

import (
	"fmt"
	"os"
	"path/filepath"

	"countersign/bridge/internal/signer"
	"countersign/shared/strictjson"
)

// maxConfig is the largest configuration file, in bytes.
const maxConfig = 256 << 10

func loadSigner(path string) (signer.Config, error) {
	var cfg signer.Config
	data, err := os.ReadFile(path)
	if err != nil {
		return cfg, err
	}
	if err := strictjson.UnmarshalFile(data, &cfg, maxConfig); err != nil {
		return cfg, fmt.Errorf("read %s: %w", path, err)
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
