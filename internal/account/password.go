package account

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// params are those of the second recommendation of RFC 9106, 4, with one thread: a login must not use all processors.
var params = argon2id.Params{Memory: 64 << 10, Iterations: 3, Parallelism: 1, SaltLength: 16, KeyLength: 32}

const (
	minPassword = 12   // characters
	maxPassword = 1024 // bytes
)

// newHash returns the hash of a new password of a user, if the password is acceptable.
func newHash(name, password string) (string, error) {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return "", fmt.Errorf("the password is too short: want %d characters at least", minPassword)
	case len(password) > maxPassword:
		return "", fmt.Errorf("the password is too long: want %d bytes at most", maxPassword)
	case strings.Contains(strings.ToLower(password), strings.ToLower(name)) && len(name) > 3:
		return "", errors.New("the password has the user's name in it")
	case strings.Count(password, password[:1]) == len(password):
		return "", errors.New("the password is one character again and again")
	}
	return argon2id.CreateHash(password, &params)
}

var errHash = errors.New("the hash is not of argon2id, or needs too much memory or time")

// checkHash refuses a hash whose verification would need too much memory or time.
func checkHash(hash string) error {
	p, salt, key, err := argon2id.DecodeHash(hash)
	if err != nil || p.Memory < 8 || p.Memory > 256<<10 || p.Iterations < 1 || p.Iterations > 10 || p.Parallelism < 1 || p.Parallelism > 8 ||
		len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return errHash
	}
	return nil
}

// ErrBusy says that too many passwords wait to be verified.
var ErrBusy = errors.New("too many logins are tried just now; try again in a few seconds")

// maxWaiting is how many passwords may wait while one is verified.
const maxWaiting = 8

// A Verifier verifies passwords one at a time, because each takes 64 MB of memory and a fraction of a second of a processor.
// The zero Verifier is ready for use. It is safe for concurrent use.
type Verifier struct {
	mu      sync.Mutex // guards waiting
	waiting map[netip.Prefix]bool
	one     sync.Mutex // held while one is verified
}

// nobody is the hash that the password of an unknown user is compared with, so that it takes as long.
var nobody = sync.OnceValue(func() string {
	hash, err := argon2id.CreateHash("nobody has this password", &params)
	if err != nil {
		panic(err) // there are no random numbers
	}
	return hash
})

// Verify reports whether password is that of user, which is nil for an unknown user. from is the address of the client: one
// password at a time of each place may wait. The error is ErrBusy, or that of ctx.
func (v *Verifier) Verify(ctx context.Context, user *User, password string, from netip.Addr) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	place := placeOf(from)
	v.mu.Lock()
	if v.waiting[place] || len(v.waiting) >= maxWaiting {
		v.mu.Unlock()
		return false, ErrBusy
	}
	if v.waiting == nil {
		v.waiting = map[netip.Prefix]bool{}
	}
	v.waiting[place] = true
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.waiting, place)
	}()
	v.one.Lock()
	defer v.one.Unlock()
	if err := ctx.Err(); err != nil { // the client is gone
		return false, err
	}
	if user == nil {
		argon2id.ComparePasswordAndHash(password, nobody())
		return false, nil
	}
	return argon2id.ComparePasswordAndHash(password, user.hash)
}
