// Package manifest verifies the signature of the manifests of Microsoft's environment validator
// (https://aka.ms/hciconnectivitytargets), as the validator itself does: an enveloped XML signature over the whole document
// (W3C XML Signature, 1.1), by a certificate of Microsoft's own publishers below a root that is part of this program.
//
// It reads no files and opens no sockets. All its functions are safe for concurrent use.
package manifest

import (
	"crypto/x509"
	_ "embed"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// ErrUnsigned is the error for a document without an XML signature.
var ErrUnsigned = errors.New("it has no XML signature")

// A Signature is a verified signature.
type Signature struct {
	Signer  string    // the common name of the signer's certificate
	Root    string    // the common name of the root
	Until   time.Time // the end of the signer's certificate
	Expired bool      // the certificate had expired when the signature was verified
}

const (
	maxParts        = 20_000 // elements and attributes of a document; those of 2026-06 have under 8,000
	maxComments     = 1000
	maxDepth        = 64
	maxCertificates = 16
)

// publisher is the extended key usage that only certificates of Microsoft's own publishers have; Microsoft's roots also sign
// certificates of others.
var publisher = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 76, 8, 1}

// rootPEM is the root of the certificates that sign the manifests. The validator accepts it by its SHA-1 fingerprint,
// 8F43288AD272F3103B6FB1428485EA3014C0BCFE (Test-XmlSignature.ps1 of AzStackHci.EnvironmentChecker 10.2605.0.2006).
//
//go:embed root-2011.pem
var rootPEM []byte

var root = sync.OnceValues(func() (*x509.Certificate, error) {
	block, _ := pem.Decode(rootPEM)
	if block == nil {
		return nil, errors.New("the root certificate is not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
})

// Verify verifies the signature of a manifest at the time now; no revocation list is read. The bytes that it returns are what the
// signature covers: the document without the signature, with the same line numbers. Only these may be used as Microsoft's.
//
// The error is ErrUnsigned for XML without a signature; any other error says that the signature is not valid, or what else is
// wrong with data. A certificate that has expired since is accepted, with Expired set: the time stamp of the signature is not
// verified.
func Verify(data []byte, now time.Time) (Signature, []byte, error) {
	trusted, err := root()
	if err != nil {
		return Signature{}, nil, err
	}
	return verify(data, now, trusted)
}

func verify(data []byte, now time.Time, trusted *x509.Certificate) (Signature, []byte, error) {
	if err := bound(data); err != nil {
		return Signature{}, nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(data); err != nil {
		return Signature{}, nil, fmt.Errorf("not XML: %w", err)
	}
	top := doc.Root()
	if top == nil {
		return Signature{}, nil, errors.New("not XML: it has no element")
	}
	sig, err := theSignature(top)
	if err != nil {
		return Signature{}, nil, err
	}
	chain, err := certificates(sig)
	if err != nil {
		return Signature{}, nil, err
	}
	leaf := chain[0]
	at := now
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	if err := trust(chain, trusted, at); err != nil {
		return Signature{}, nil, err
	}
	context := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{leaf}})
	context.Clock = dsig.NewFakeClockAt(at)
	// The library searches only a thousand elements for the signature. It covers the rest of the document, wherever it stands.
	top.RemoveChild(sig)
	top.InsertChildAt(0, sig)
	covered, err := context.Validate(top)
	if err != nil {
		return Signature{}, nil, fmt.Errorf("the signature does not hold: %w", err)
	}
	out := etree.NewDocument()
	out.SetRoot(covered)
	signed, err := out.WriteToBytes()
	if err != nil {
		return Signature{}, nil, err
	}
	return Signature{
		Signer: leaf.Subject.CommonName, Root: trusted.Subject.CommonName, Until: leaf.NotAfter, Expired: now.After(leaf.NotAfter),
	}, append([]byte(head(doc)), signed...), nil
}

// head is an XML declaration with as many line ends as doc has before its first element.
func head(doc *etree.Document) string {
	lines := 0
	for _, child := range doc.Child {
		if text, ok := child.(*etree.CharData); ok {
			lines += strings.Count(text.Data, "\n")
		}
		if child == etree.Token(doc.Root()) {
			break
		}
	}
	return `<?xml version="1.0"?>` + strings.Repeat("\n", lines)
}
