package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"countersign/shared/strictjson"
)

// maxScript bounds the script and the file of used answers, in bytes.
const maxScript = 64 << 10

// script is the file that holds the answers.
type script struct {
	Log     string              `json:"log"`
	Pairing []string            `json:"pairing"`
	Allow   []string            `json:"allow"`
	Confirm []string            `json:"confirm"`
	PINs    map[string][]string `json:"pins"`
}

// shown is one line of the log.
type shown struct {
	Kind   string `json:"kind"`
	Title  string `json:"title"`
	Text   string `json:"text"`
	Device string `json:"device,omitempty"`
	Answer string `json:"answer"`
}

// take reads the script, logs what is shown and returns the answer to it.
func take(path string, d dialog) (string, error) {
	var s script
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the script: %w", err)
	}
	if err := strictjson.Unmarshal(data, &s, maxScript); err != nil {
		return "", fmt.Errorf("read the script %s: %w", path, err)
	}
	entry := shown{Kind: "confirm", Title: d.title, Text: d.earlier + d.text}
	answers, list := s.Confirm, "confirm"
	if device, ok := strings.CutPrefix(d.title, "PIN of "); ok && d.prompt == "PIN:" {
		entry.Kind, entry.Device = "pin", device
		answers, list = s.PINs[device], "pin "+device
	} else if strings.HasPrefix(d.title, "Pair ") {
		entry.Kind, answers, list = "pairing", s.Pairing, "pairing"
	} else if strings.HasPrefix(d.title, "Use ") {
		entry.Kind, answers, list = "allow", s.Allow, "allow"
	}
	answer, err := next(path+".used", list, answers)
	if err != nil {
		return "", err
	}
	entry.Answer = answer
	if entry.Kind == "pin" && answer != "decline" && answer != "reject" && answer != "hang" {
		entry.Answer = "pin"
	}
	if s.Log != "" && !filepath.IsAbs(s.Log) {
		s.Log = filepath.Join(filepath.Dir(path), s.Log)
	}
	return answer, write(s.Log, entry)
}

// next returns the answer whose turn it is and notes that it was taken. Prompts
// are one at a time, so nobody else writes the file.
func next(usedPath, list string, answers []string) (string, error) {
	used := map[string]int{}
	data, err := os.ReadFile(usedPath)
	if err == nil {
		err = strictjson.Unmarshal(data, &used, maxScript)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the used answers: %w", err)
	}
	answer := "decline"
	if n := len(answers); n > 0 {
		answer = answers[min(used[list], n-1)]
	}
	used[list]++
	data, err = json.Marshal(used)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(usedPath, data, 0o600); err != nil {
		return "", fmt.Errorf("note the used answer: %w", err)
	}
	return answer, nil
}

func write(path string, entry shown) error {
	if path == "" {
		return nil
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
