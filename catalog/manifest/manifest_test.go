package manifest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"webproxy/internal/certtest"
)

// published is a manifest as Microsoft signed it: that for Azure Local itself, of EnvironmentChecker 10.2605.0.2006.
func published(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/signed.xml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var then = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

func TestMicrosoftsSignature(t *testing.T) {
	data := published(t)
	sig, signed, err := Verify(data, then)
	if err != nil {
		t.Fatal(err)
	}
	if sig.Signer != "Microsoft Corporation" || sig.Root != "Microsoft Root Certificate Authority 2011" || sig.Expired {
		t.Errorf("%+v", sig)
	}
	line := func(b []byte) int { return bytes.Count(b[:bytes.Index(b, []byte("portal.autonomous"))], []byte("\n")) }
	if bytes.Contains(signed, []byte("Signature")) || line(signed) != line(data) {
		t.Errorf("signed is on other lines, or has the signature in it:\n%.300s", signed)
	}
	// The line ends of Windows are the same document (XML, section 2.11).
	if _, _, err := Verify(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")), then); err != nil {
		t.Errorf("with CRLF: %v", err)
	}
	if sig, _, err := Verify(data, then.AddDate(2, 0, 0)); err != nil || !sig.Expired {
		t.Errorf("two years later: %+v, %v", sig, err)
	}
	if _, _, err := Verify(data, then.AddDate(-2, 0, 0)); err == nil {
		t.Error("valid before its certificate was")
	}
}

// A signed manifest does not verify after any change.
func TestChanged(t *testing.T) {
	data := string(published(t))
	signature := data[strings.Index(data, "<Signature"):strings.Index(data, "</Objects>")]
	for name, tt := range map[string]struct{ old, new, want string }{
		"a host":                      {"portal.autonomous.cloud.private</Property>", "pastebin.com</Property>", "does not hold"},
		"a target more":               {"</Object>\n<Signature", "</Object><Object><Property Name=\"EndPoint\">pastebin.com</Property></Object>\n<Signature", "does not hold"},
		"an attribute":                {`Name="EndPoint"`, `Name="Remediation"`, "does not hold"},
		"the signature's value":       {"p+7d4jBLGlcp", "p+7d4jBLGlcq", "does not hold"},
		"no signature":                {signature, "", "it has no XML signature"},
		"two signatures":              {"</Objects>", signature + "</Objects>", "more than one"},
		"a signature that is wrapped": {"<Objects>\n", "<Objects><Objects>\n", ""},
		"another reference":           {`URI=""`, `URI="#x"`, "not about the whole document"},
		"no certificate":              {"X509Certificate>", "X509Cert>", "names no certificate"},
		"a certificate that is none":  {"MIIF9TCCA92g", "MIIF9TCCA92h", "certificate"},
		"a document type":             {"<Objects>\n", "<!DOCTYPE x [<!ENTITY a \"b\">]><Objects>\n", "document type"},
	} {
		changed := strings.Replace(data, tt.old, tt.new, 1)
		if name == "no certificate" {
			changed = strings.ReplaceAll(data, tt.old, tt.new)
		}
		if name == "a signature that is wrapped" {
			changed = strings.Replace(changed, "</Objects>", "</Objects></Objects>", 1)
			tt.want = "outermost"
		}
		if changed == data {
			t.Fatalf("%s: nothing was changed", name)
		}
		_, signed, err := Verify([]byte(changed), then)
		if err == nil || signed != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if errors.Is(err, ErrUnsigned) != (name == "no signature") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Verify([]byte(strings.Repeat("<a>", 100)), then); err == nil || !strings.Contains(err.Error(), "64 levels") {
		t.Errorf("nested: %v", err)
	}
}

// signer makes a certificate for code signing with further usages, and signs a document with it.
func signer(t *testing.T, ca *certtest.Authority, usages ...asn1.ObjectIdentifier) []byte {
	t.Helper()
	leaf := ca.Issue(t, "signer", func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "Somebody"}
		c.ExtKeyUsage, c.UnknownExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, usages
	})
	context, err := dsig.NewSigningContext(leaf.PrivateKey.(crypto.Signer), [][]byte{leaf.Certificate[0]})
	if err != nil {
		t.Fatal(err)
	}
	context.Canonicalizer = dsig.MakeC14N10RecCanonicalizer()
	top := etree.NewElement("Objects")
	for range 2000 {
		top.CreateElement("EndPoint").SetText("a.example.com")
	}
	signed, err := context.SignEnveloped(top)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	doc.SetRoot(signed)
	data, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Only Microsoft's own publishers are accepted: no other signer below its root, and nobody below another root.
func TestWhoSigned(t *testing.T) {
	ca := certtest.New(t, "A root")
	now := time.Now()
	data := signer(t, ca, publisher)
	if sig, signed, err := verify(data, now, ca.Cert); err != nil || sig.Signer != "Somebody" || bytes.Count(signed, []byte("a.example.com")) != 2000 {
		t.Errorf("a publisher: %+v, %v, %d bytes", sig, err, len(signed))
	}
	if _, _, err := verify(bytes.Replace(data, []byte("a.ex"), []byte("b.ex"), 1), now, ca.Cert); err == nil {
		t.Error("changed, and it verifies")
	}
	if _, _, err := verify(signer(t, ca), now, ca.Cert); err == nil || !strings.Contains(err.Error(), "not one of Microsoft's own") {
		t.Errorf("another signer below the root: %v", err)
	}
	if _, _, err := Verify(signer(t, ca, publisher), now); err == nil || !strings.Contains(err.Error(), "is not below Microsoft Root Certificate Authority 2011") {
		t.Errorf("below another root: %v", err)
	}
}

// A hostile document takes a bounded time: one with many more parts than manifests have is refused before the verification.
func TestBounds(t *testing.T) {
	data := string(published(t))
	for part, want := range map[string]string{
		"<a/>":       "more than 20000 elements and attributes",
		"<!-- a -->": "more than 1000 comments and instructions",
		"<?a b?>":    "more than 1000 comments and instructions",
	} {
		doc := strings.Replace(data, "<Objects>", "<Objects>"+strings.Repeat(part, 30_000), 1)
		if _, _, err := Verify([]byte(doc), then); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", part, err, want)
		}
	}
	if err := bound([]byte("<a" + strings.Repeat(` b="c"`, 30_000) + "/>")); err == nil || !strings.Contains(err.Error(), "elements and attributes") {
		t.Errorf("attributes: %v", err)
	}
}
