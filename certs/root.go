package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// A root's files are NAME.pem and NAME.key, where NAME begins with rootPrefix and contains the day it was made. Which
// root signs follows from the certificates: the newest one whose validity began a day ago. So tomorrow's signer can
// be distributed today, and no other state is needed.
const (
	rootPrefix = "root-"
	certSuffix = ".pem"
	keySuffix  = ".key"

	// announced is how long a root is valid before it signs: no clock is off by that much.
	announced = 24 * time.Hour
	maxFile   = 64 << 10
	// maxSameSecond is how many names are tried for a root.
	maxSameSecond = 100
	defaultLife   = 2 * 365 * 24 * time.Hour
)

// A Root is one generation of the authority.
type Root struct {
	Name string // of its files
	Cert *x509.Certificate

	key   *ecdsa.PrivateKey // nil if it was not asked for, or fault is set
	fault error             // why this must not sign: others may change the certificate, or the key cannot be used
}

// A RootSpec says what root to make.
type RootSpec struct {
	// Name is the subject's common name. Default "webproxy inspection".
	Name string
	// Only limits the root to these DNS names and those below them: see constrain. Default: none, it can sign for all.
	Only []string
	// Life is how long it is valid. Default two years.
	Life time.Duration
	// Overlap is how long from now it begins to sign; zero is at once.
	Overlap time.Duration
}

// signs reports whether r may sign at that time.
func (r *Root) signs(now time.Time) bool {
	return !now.Before(r.Starts()) && now.Before(r.Cert.NotAfter)
}

// Starts is when r begins to sign, if no newer root does.
func (r *Root) Starts() time.Time { return r.Cert.NotBefore.Add(announced) }

// Make makes a root in dir, which is created if necessary. Existing files are kept.
func Make(dir string, spec RootSpec) (*Root, error) { return makeRoot(dir, spec, time.Now()) }

func makeRoot(dir string, spec RootSpec, now time.Time) (*Root, error) {
	if spec.Name == "" {
		spec.Name = "webproxy inspection"
	}
	if spec.Life == 0 {
		spec.Life = defaultLife
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	begin := now.Add(spec.Overlap - announced)
	t := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: spec.Name, SerialNumber: now.UTC().Format("2006-01-02")},
		NotBefore:             begin,
		NotAfter:              now.Add(spec.Overlap + spec.Life),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if err := constrain(t, spec.Only); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := privatefile.MkdirAll(dir, privatefile.Secret); err != nil {
		return nil, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	// If a root has the name of this second, this one takes the name of the next free second: of roots that begin at the same time,
	// the last by name is the newest.
	for i := range maxSameSecond {
		name := rootPrefix + now.Add(time.Duration(i)*time.Second).UTC().Format("20060102-150405")
		if err = createRoot(filepath.Join(dir, name), certPEM, keyPEM); err == nil {
			return &Root{Name: name, Cert: cert, key: key}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return nil, err
}

// createRoot creates the two files of a root, or neither. An error for a name that is taken is fs.ErrExist.
func createRoot(path string, certPEM, keyPEM []byte) error {
	// The key comes first: a certificate without a key would block the name.
	if err := privatefile.Create(path+keySuffix, keyPEM); err != nil {
		return err
	}
	if err := privatefile.CreatePolicy(path+certSuffix, certPEM); err != nil {
		return errors.Join(err, os.Remove(path+keySuffix))
	}
	return nil
}

// ErrNone is the error of Open for a directory without roots.
var ErrNone = errors.New("no authority")

// ReadRoots reads the roots in dir, the oldest first, without their keys. It is an error if others may change one.
func ReadRoots(dir string) ([]*Root, error) {
	roots, err := readRoots(new(smallfile.Reader), dir, false)
	if err == nil {
		_, err = taken(roots)
	}
	if err != nil {
		return nil, err
	}
	return roots, nil
}

// RootFiles are the paths of the certificates of the roots in dir, and of their keys, as far as they can be listed in time.
func RootFiles(by *smallfile.Reader, dir string) (certs, keys []string) {
	files, _ := by.ReadDir(dir)
	for _, f := range files {
		switch path := filepath.Join(dir, f.Name()); {
		case !strings.HasPrefix(f.Name(), rootPrefix):
		case strings.HasSuffix(path, certSuffix):
			certs = append(certs, path)
		case strings.HasSuffix(path, keySuffix):
			keys = append(keys, path)
		}
	}
	return certs, keys
}

// taken returns those of roots that have no fault, and an error about the others.
func taken(roots []*Root) (fine []*Root, faults error) {
	for _, r := range roots {
		if r.fault == nil {
			fine = append(fine, r)
		}
		faults = errors.Join(faults, r.fault)
	}
	return fine, faults
}

// readRoots reads the roots in dir, the oldest first, and if keys is set, their keys. Those with a fault are among them.
func readRoots(by *smallfile.Reader, dir string, keys bool) ([]*Root, error) {
	files, err := by.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var roots []*Root
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), certSuffix)
		if !ok || !strings.HasPrefix(name, rootPrefix) {
			continue
		}
		r, err := readRoot(by, filepath.Join(dir, name), keys)
		if err != nil {
			return nil, err
		}
		r.Name = name
		roots = append(roots, r)
	}
	slices.SortStableFunc(roots, func(a, b *Root) int { return a.Cert.NotBefore.Compare(b.Cert.NotBefore) })
	return roots, nil
}

func readRoot(by *smallfile.Reader, path string, key bool) (*Root, error) {
	text, err := by.Read(path+certSuffix, maxFile, nil)
	if err != nil {
		return nil, err
	}
	r := &Root{}
	// Who lays a certificate here makes others trust it, by ca export, even without its key.
	if f := privatefile.Loose(by, path+certSuffix, privatefile.Policy); f.Why != "" {
		r.fault = fmt.Errorf("%s: %s, so it is not taken: %s", path+certSuffix, f.Why, f.Advice())
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.Join(r.fault, fmt.Errorf("%s: no certificate in PEM form", path+certSuffix))
	}
	if r.Cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return nil, errors.Join(r.fault, fmt.Errorf("%s: %w", path+certSuffix, err))
	}
	if !r.Cert.IsCA {
		return nil, errors.Join(r.fault, fmt.Errorf("%s: not the certificate of an authority", path+certSuffix))
	}
	if key && r.fault == nil {
		r.key, r.fault = readKey(by, path, r.Cert)
	}
	return r, nil
}

// readKey reads the key of cert, the certificate of the root at path.
func readKey(by *smallfile.Reader, path string, cert *x509.Certificate) (*ecdsa.PrivateKey, error) {
	text, err := privatefile.ReadBy(by, path+keySuffix, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key of the authority: %w: restore it, or if this root is not needed any more, remove %s", err, path+certSuffix)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the authority: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no key in PEM form", path+keySuffix)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path+keySuffix, err)
	}
	own, ok := private.(*ecdsa.PrivateKey)
	if !ok || !own.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("%s: not the key of %s", path+keySuffix, path+certSuffix)
	}
	return own, nil
}

// refresh reads the roots again if they have changed; a.mu is held. If they cannot be read, the known ones stay. What is wrong with them is
// reported once.
func (a *Authority) refresh() {
	if time.Since(a.looked) < lookEvery {
		return
	}
	faults, err := a.read()
	if err != nil {
		err = fmt.Errorf("the authority in use stays: %w", err)
	} else {
		err = faults
	}
	a.report(err)
}

// report tells of err if it is not what was told last. While there is one, refresh looks again, but not at every handshake: a
// corrected mode does not change the time of the directory.
func (a *Authority) report(err error) {
	before := a.wrong
	a.wrong = err
	if err == nil {
		return
	}
	a.looked = time.Now()
	if a.problem != nil && (before == nil || before.Error() != err.Error()) {
		a.problem(err)
	}
}

// read reads the roots if they have changed; a.mu is held. Faults are of roots that are not used. If one of them would sign now, nothing is
// changed: an older root, which clients may no longer trust, does not sign in its place.
func (a *Authority) read() (faults, err error) {
	info, err := a.files.Stat(a.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && info.ModTime().Equal(a.seen) {
		return nil, nil
	}
	all, err := readRoots(&a.files, a.dir, true)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w in %s; run webproxy ca init", ErrNone, a.dir)
	}
	roots, faults := taken(all)
	if r := signer(all, a.now()); r != nil && r.fault != nil {
		return nil, r.fault
	}
	if len(roots) == 0 {
		return nil, faults
	}
	a.roots, a.seen = roots, info.ModTime()
	if faults != nil {
		a.seen = time.Time{}
	}
	return faults, nil
}
