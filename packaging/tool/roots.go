package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// writeRoots writes Mozilla's certificate authorities to the file args[0], for images, which have no others. Authorities that
// Mozilla trusts only with a constraint are left out: a file of certificates cannot express that.
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
