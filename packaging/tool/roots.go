package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// writeRoots writes the certificate authorities of the web, those of Mozilla, to the file args[0]: an image has no others. Those that
// Mozilla trusts only with a constraint, which a file of certificates cannot say, are left out.
func writeRoots(args []string) error {
	if len(args) != 1 {
		return errors.New("want FILE")
	}
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return errors.New("there are none")
	}
	return os.WriteFile(args[0], b.Bytes(), 0o644)
}
