package manifest

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// bound refuses a document with too many parts, or nested too deeply for the recursive parsers after it.
func bound(data []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(data))
	depth, parts, comments := 0, 0, 0
	for {
		token, err := dec.RawToken()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not XML: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			parts += 1 + len(token.Attr)
		case xml.EndElement:
			depth--
		case xml.Comment, xml.ProcInst:
			comments++
		case xml.Directive: // a document type could declare entities
			return errors.New("it has a document type declaration")
		}
		switch {
		case depth > maxDepth:
			return fmt.Errorf("nested more than %d levels deep", maxDepth)
		case parts > maxParts:
			return fmt.Errorf("more than %d elements and attributes", maxParts)
		case comments > maxComments:
			return fmt.Errorf("more than %d comments and instructions", maxComments)
		}
	}
}

// theSignature returns the only signature of a document. It must be in the outermost element and cover the whole document, so
// that it does not cover something else than what is read.
func theSignature(top *etree.Element) (*etree.Element, error) {
	all := signatures(top, nil)
	if len(all) == 0 {
		return nil, ErrUnsigned
	}
	if len(all) > 1 {
		return nil, errors.New("it has more than one XML signature")
	}
	sig := all[0]
	if sig.Parent() != top {
		return nil, errors.New("its XML signature does not stand in the outermost element")
	}
	references := sig.FindElements("./SignedInfo/Reference")
	if len(references) != 1 || references[0].SelectAttrValue("URI", "none") != "" {
		return nil, errors.New("its XML signature is not about the whole document")
	}
	return sig, nil
}

func signatures(e *etree.Element, all []*etree.Element) []*etree.Element {
	if e.Tag == dsig.SignatureTag && e.NamespaceURI() == dsig.Namespace {
		return append(all, e)
	}
	for _, child := range e.ChildElements() {
		all = signatures(child, all)
	}
	return all
}

// certificates returns the certificates in a signature: the signer's first.
func certificates(sig *etree.Element) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for _, e := range sig.FindElements("./KeyInfo/X509Data/X509Certificate") {
		if len(chain) == maxCertificates {
			return nil, fmt.Errorf("its XML signature has more than %d certificates", maxCertificates)
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.Text()), ""))
		if err != nil {
			return nil, fmt.Errorf("a certificate of its XML signature: %w", err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("a certificate of its XML signature: %w", err)
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, errors.New("its XML signature names no certificate")
	}
	return chain, nil
}

// trust is an error if the first certificate of chain is not one of Microsoft's own publishers at that time.
func trust(chain []*x509.Certificate, trusted *x509.Certificate, at time.Time) error {
	leaf := chain[0]
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	options.Roots.AddCert(trusted)
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert)
	}
	if _, err := leaf.Verify(options); err != nil {
		return fmt.Errorf("the signer is not below %s: %w", trusted.Subject.CommonName, err)
	}
	for _, usage := range leaf.UnknownExtKeyUsage {
		if usage.Equal(publisher) {
			return nil
		}
	}
	return fmt.Errorf("the signer, %s, is not one of Microsoft's own publishers", leaf.Subject.CommonName)
}
