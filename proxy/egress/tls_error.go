package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
)

// DetailClientCertificate says what to do about an origin that requires client certificates. This proxy cannot
// present its clients' certificates.
const DetailClientCertificate = "the origin requires a client certificate, which cannot be presented in inspected TLS: do not inspect this host"

// IsTLSAlert reports whether err is an alert of the other side.
func IsTLSAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// NewTLSError is the error of a TLS handshake of ours as a client. asked says that the origin asked for a
// certificate.
func NewTLSError(t policy.Target, err error, asked bool) *DialError {
	word, detail := tlsWord(err)
	if asked && IsTLSAlert(err) {
		word, detail = proxystatus.Configuration, DetailClientCertificate
	}
	e := NewDialError(t, word, err)
	e.Detail = detail
	return e
}

func tlsWord(err error) (word, detail string) {
	var (
		verify *tls.CertificateVerificationError
		alert  tls.AlertError
		netErr net.Error
	)
	switch {
	case errors.As(err, &verify):
		return proxystatus.TLSCertificate, certificateProblem(verify.Err)
	case errors.As(err, &netErr) && netErr.Timeout():
		return proxystatus.Timeout, "no TLS session in time"
	case errors.As(err, &alert):
		return proxystatus.TLSAlert, "TLS alert: " + alert.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &netErr):
		return proxystatus.Terminated, "closed the connection during the TLS handshake"
	}
	return proxystatus.TLSProtocol, "no TLS session of version 1.2 or newer"
}

// certificateProblem says what is wrong with a certificate, without quoting it.
func certificateProblem(err error) string {
	var (
		invalid   x509.CertificateInvalidError
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		weak      x509.InsecureAlgorithmError
		roots     x509.SystemRootsError
	)
	switch {
	case errors.As(err, &name):
		return "the certificate is for another name"
	case errors.As(err, &authority):
		if authority.Cert != nil && authority.Cert.CheckSignatureFrom(authority.Cert) == nil {
			return "the certificate is signed by itself, or by an authority that is not trusted"
		}
		return "the certificate is signed by an authority that is not trusted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			return "the certificate is not valid yet"
		}
		return "the certificate has expired"
	case errors.As(err, &weak):
		return "the certificate is signed with a weak algorithm"
	case errors.As(err, &roots):
		return "the system has no trusted authorities"
	}
	return "the certificate is not valid"
}
