package account

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// A Change is a change of a user in the file.
type Change struct {
	User User
	// Was is the user before; nil if it was added. If Removed is set, User is the removed user.
	Was     *User
	Removed bool
}

// String is the change in a sentence, for people.
func (c *Change) String() string {
	switch {
	case c.Removed:
		return fmt.Sprintf("user %s of the dashboard was removed", c.User.Name)
	case c.Was == nil:
		return fmt.Sprintf("user %s of the dashboard was added as %s", c.User.Name, c.User.Role)
	case c.Was.Role != c.User.Role:
		return fmt.Sprintf("user %s of the dashboard: %s -> %s", c.User.Name, c.Was.Role, c.User.Role)
	}
	return fmt.Sprintf("user %s of the dashboard has another password", c.User.Name)
}

// A Book is the current users of a file, which is read again when it has changed. If it cannot be read, there are no users. Its
// fields are set before the first use. It is safe for concurrent use.
type Book struct {
	Path string
	// Changed is called for each change after the first reading, with who made it; by may be empty. Problem is called when the
	// file cannot be used, once for each version of it. Both may be nil, and must not call the Book.
	Changed func(c *Change, by string)
	Problem func(error)

	files smallfile.Reader

	mu      sync.Mutex // guards all below
	begun   bool
	users   Users  // as last read without an error
	failed  string // why it could not be read
	looked  time.Time
	text    string
	usable  bool
	hasText bool
}

const (
	// lookEvery is how long the file is assumed to be unchanged.
	lookEvery = time.Second
	// patience is how long a login waits for the file's disk.
	patience = 2 * time.Second
)

// User returns the user of that name in the current file.
func (b *Book) User(name string) (User, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look("", false)
	if !b.usable {
		return User{}, false
	}
	return b.users.Get(name)
}

// Len is how many users there are.
func (b *Book) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look("", false)
	if !b.usable {
		return 0
	}
	return len(b.users)
}

// Reload reads the file now, because by has changed it.
func (b *Book) Reload(by string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(by, true)
	if b.failed != "" {
		return errors.New(b.failed)
	}
	return nil
}

// look reads the file, unless that was done just now. b.mu is held.
func (b *Book) look(by string, now bool) {
	if !now && !b.looked.IsZero() && time.Since(b.looked) < lookEvery {
		return
	}
	b.files.Patience = patience
	data, err := privatefile.ReadBy(&b.files, b.Path, maxFile)
	b.looked = time.Now()
	text := string(data)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = "", nil
	}
	if err == nil && b.hasText && text == b.text {
		b.usable = b.failed == ""
		return
	}
	var users Users
	if err == nil {
		b.text, b.hasText = text, true
		if users, err = Parse(text); err != nil {
			err = fmt.Errorf("%s: %w", b.Path, err)
		}
	} else {
		b.hasText = false
	}
	if err != nil {
		b.usable = false
		if b.failed != err.Error() && b.Problem != nil {
			b.Problem(err)
		}
		b.failed = err.Error()
		return
	}
	if b.begun && b.Changed != nil {
		b.tell(users, by)
	}
	b.users, b.failed, b.usable, b.begun = users, "", true, true
}

// tell calls b.Changed for each difference between users and b.users. b.mu is held.
func (b *Book) tell(users Users, by string) {
	who := func(u *User) string {
		if by != "" {
			return by
		}
		return u.By
	}
	for i := range users {
		u := &users[i]
		was, there := b.users.Get(u.Name)
		switch {
		case !there:
			b.Changed(&Change{User: *u}, who(u))
		case !was.same(u):
			b.Changed(&Change{User: *u, Was: &was}, who(u))
		}
	}
	for i := range b.users {
		if _, there := users.Get(b.users[i].Name); !there {
			b.Changed(&Change{User: b.users[i], Removed: true}, by)
		}
	}
}
