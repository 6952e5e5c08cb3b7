// Package account has the users who log in to the dashboard with a password: their file, the verification of passwords in
// bounded memory and time, and the limits on guessing.
//
//	book := &account.Book{Path: "dashboard-users"}
//	user, ok := book.User("anna")
//
// It reads and writes the file of users only. Book, Guard and Verifier are safe for concurrent use.
package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/internal/privatefile"
	"webproxy/internal/sharedfile"
)

// A Role is what a user may do.
type Role string

const (
	Reader   Role = "reader"   // sees everything and changes nothing
	Approver Role = "approver" // changes what the dashboard can change
)

// Roles are all roles.
var Roles = []Role{Reader, Approver}

// ParseRole returns the role of that name.
func ParseRole(s string) (Role, error) {
	if slices.Contains(Roles, Role(s)) {
		return Role(s), nil
	}
	return "", fmt.Errorf("no role %q: want reader or approver", s)
}

// A User is somebody who may log in.
type User struct {
	Name string
	Role Role
	// Changed is when the user was added or last changed, By is who did it.
	Changed time.Time
	By      string

	hash string // of the password, as argon2id writes it; never shown
}

// same reports whether a session of u is valid for v.
func (u *User) same(v *User) bool { return *u == *v }

// Stamp changes whenever the user, the password or the role changes. It is not secret, and does not depend on the password.
func (u *User) Stamp() string { return u.Changed.UTC().Format(time.RFC3339Nano) }

const (
	// maxUsers bounds a file.
	maxUsers = 1000
	maxFile  = 512 << 10
	// header begins a file.
	header = "# Who may log in to the dashboard. webproxy dashboard user writes this file.\n"
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

// Errors of Users.
var (
	ErrExists  = errors.New("there is such a user already")
	ErrUnknown = errors.New("there is no such user")
)

// Users are the users of a file, sorted by name. Names are compared without regard to case.
type Users []User

// find returns the index of a user, or where to insert it.
func (u Users) find(name string) (int, bool) {
	return slices.BinarySearchFunc(u, strings.ToLower(name), func(x User, name string) int { return strings.Compare(strings.ToLower(x.Name), name) })
}

// Get returns the user of that name.
func (u Users) Get(name string) (User, bool) {
	if i, ok := u.find(name); ok {
		return u[i], true
	}
	return User{}, false
}

// Add adds a user with a password. It takes as long as a verification.
func (u *Users) Add(name string, role Role, password, by string, now time.Time) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("user name %q: want letters, digits, and . _ @ - between them, 64 at most", name)
	}
	i, there := u.find(name)
	if there {
		return ErrExists
	}
	if len(*u) >= maxUsers {
		return fmt.Errorf("there are %d users already", maxUsers)
	}
	hash, err := newHash(name, password)
	if err != nil {
		return err
	}
	*u = slices.Insert(*u, i, User{Name: name, Role: role, Changed: now.UTC(), By: clean(by), hash: hash})
	return nil
}

// Remove removes a user.
func (u *Users) Remove(name string) error {
	i, ok := u.find(name)
	if !ok {
		return ErrUnknown
	}
	*u = slices.Delete(*u, i, i+1)
	return nil
}

// SetPassword gives a user another password.
func (u Users) SetPassword(name, password, by string, now time.Time) error {
	i, ok := u.find(name)
	if !ok {
		return ErrUnknown
	}
	hash, err := newHash(u[i].Name, password)
	if err != nil {
		return err
	}
	u[i].hash, u[i].Changed, u[i].By = hash, now.UTC(), clean(by)
	return nil
}

// SetRole gives a user another role.
func (u Users) SetRole(name string, role Role, by string, now time.Time) error {
	i, ok := u.find(name)
	if !ok {
		return ErrUnknown
	}
	u[i].Role, u[i].Changed, u[i].By = role, now.UTC(), clean(by)
	return nil
}

// clean returns who as one word.
func clean(who string) string {
	who = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r > 0xffff {
			return '_'
		}
		return r
	}, who)
	if who == "" {
		return "-"
	}
	return who[:min(len(who), 100)]
}

// format returns the content of the file of u.
func (u Users) format() []byte {
	var b strings.Builder
	b.WriteString(header)
	for i := range u {
		x := &u[i]
		fmt.Fprintf(&b, "%s %s %s %s %s\n", x.Name, x.Role, x.Changed.Format(time.RFC3339Nano), x.By, x.hash)
	}
	return []byte(b.String())
}

// Parse reads a file's text. Errors name the line, and never a hash.
func Parse(text string) (Users, error) {
	var all Users
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		u, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		i, there := all.find(u.Name)
		if there {
			return nil, fmt.Errorf("line %d: %s is there twice", n, u.Name)
		}
		if len(all) >= maxUsers {
			return nil, fmt.Errorf("line %d: more than %d users", n, maxUsers)
		}
		all = slices.Insert(all, i, u)
	}
	return all, nil
}

func parseLine(line string) (u User, err error) {
	f := strings.Fields(line)
	if len(f) != 5 {
		return u, errors.New("want NAME ROLE TIME BY HASH")
	}
	u = User{Name: f[0], By: f[3], hash: f[4]}
	if !namePattern.MatchString(u.Name) {
		return u, errors.New("the name of the user is not valid")
	}
	if u.Role, err = ParseRole(f[1]); err != nil {
		return u, fmt.Errorf("user %s: %w", u.Name, err)
	}
	if u.Changed, err = time.Parse(time.RFC3339Nano, f[2]); err != nil {
		return u, fmt.Errorf("user %s: the time is not valid", u.Name)
	}
	if err := checkHash(u.hash); err != nil {
		return u, fmt.Errorf("user %s: %w", u.Name, err)
	}
	return u, nil
}

// Read reads the file at path. It is an error if others than its owner and administrators may read it. A file that does not
// exist has no users.
func Read(path string) (Users, error) {
	text, err := privatefile.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	users, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return users, nil
}

// Edit replaces the file at path, which need not exist, by what change makes of it. Of two concurrent edits one is refused.
func Edit(path string, change func(*Users) error) error {
	next := path + ".new"
	// The file that will replace it is also the lock.
	if err := privatefile.Create(next, nil); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return hint.With(fmt.Errorf("somebody else changes %s just now", path), "try again; if nobody does, a command was cut off: delete "+next)
		}
		return err
	}
	err := func() error {
		users, err := Read(path)
		if err == nil {
			err = change(&users)
		}
		if err != nil {
			return err
		}
		return rewrite(next, users.format())
	}()
	if err == nil {
		err = sharedfile.Rename(next, path, 3*time.Second)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// rewrite replaces the contents of an existing file, and keeps its permissions.
func rewrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
