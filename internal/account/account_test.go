package account

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var now = time.Date(2026, 12, 1, 1, 2, 3, 4, time.UTC)

const right = "correct horse battery"

// The hashes of tests are cheap; those of others are what RFC 9106 recommends.
func TestMain(m *testing.M) {
	if params.Memory != 64<<10 || params.Iterations != 3 || params.SaltLength != 16 || params.KeyLength != 32 {
		panic("the hashes are not those of RFC 9106, 4")
	}
	params.Memory, params.Iterations = 64, 1
	os.Exit(m.Run())
}

// A file is changed as a whole, nobody else may read it, and what is written is read again.
func TestEdit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dashboard-users")
	if users, err := Read(path); err != nil || len(users) != 0 {
		t.Fatalf("no file: %v, %v", users, err)
	}
	err := Edit(path, func(u *Users) error {
		return errors.Join(u.Add("zoe", Reader, right, "root", now), u.Add("Anna", Approver, right+"!", "CORP\\the admin", now))
	})
	if err != nil {
		t.Fatal(err)
	}
	users, err := Read(path)
	if err != nil || len(users) != 2 || users[0].Name != "Anna" || users[0].Role != Approver || users[0].By != `CORP\the_admin` || !users[0].Changed.Equal(now) {
		t.Fatalf("%+v, %v", users, err)
	}
	if info, err := os.Stat(path); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), right) {
		t.Errorf("the file has the password: %s, %v", data, err)
	}
	before := users[0].Stamp()
	for _, tt := range []struct {
		name   string
		change func(*Users) error
		want   error
	}{
		{"twice", func(u *Users) error { return u.Add("ANNA", Reader, right, "", now) }, ErrExists},
		{"nobody", func(u *Users) error { return u.Remove("bert") }, ErrUnknown},
		{"nobody's password", func(u *Users) error { return u.SetPassword("bert", right, "", now) }, ErrUnknown},
		{"nobody's role", func(u *Users) error { return u.SetRole("bert", Reader, "", now) }, ErrUnknown},
		{"password", func(u *Users) error { return u.SetPassword("anna", right+"?", "bert", now.Add(time.Second)) }, nil},
		{"role", func(u *Users) error { return u.SetRole("zoe", Approver, "bert", now) }, nil},
	} {
		if err := Edit(path, tt.change); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	users, err = Read(path)
	if err != nil || users[0].Stamp() == before || users[1].Role != Approver {
		t.Errorf("%+v, %v", users, err)
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("a file was left behind")
	}
	// Of two at once one is refused.
	err = Edit(path, func(*Users) error {
		if err := Edit(path, func(*Users) error { return nil }); err == nil || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("at once: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if os.PathSeparator == '/' {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil {
			t.Error("a file that everybody may read is read")
		}
	}
}

// Names and passwords that are no good are refused, and a file that is wrong names the line and no hash.
func TestRefused(t *testing.T) {
	var u Users
	for _, tt := range []struct{ name, password string }{
		{"", right}, {"a b", right}, {"-a", right}, {"a\x1b", right}, {strings.Repeat("a", 65), right},
		{"anna", "short"}, {"anna", strings.Repeat("x", 30)}, {"anna", strings.Repeat("xy", 600)}, {"carla", "my name is CARLA"},
	} {
		if err := u.Add(tt.name, Reader, tt.password, "", now); err == nil {
			t.Errorf("%q with %q was added", tt.name, tt.password)
		}
	}
	const hash = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	if _, err := Parse("# x\n\nanna reader 2026-12-01T01:02:03Z root " + hash + "\r\n"); err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		"anna reader 2026-12-01T01:02:03Z root",
		"anna owner 2026-12-01T01:02:03Z root " + hash,
		"anna reader yesterday root " + hash,
		"anna reader 2026-12-01T01:02:03Z root $2a$10$abc",
		"anna reader 2026-12-01T01:02:03Z root " + strings.Replace(hash, "m=65536", "m=4194304", 1),
		"anna reader 2026-12-01T01:02:03Z root " + strings.Replace(hash, "t=3", "t=3000000", 1),
		"anna reader 2026-12-01T01:02:03Z root " + hash + "\nANNA reader 2026-12-01T01:02:03Z root " + hash,
	} {
		if users, err := Parse(text); err == nil || !strings.HasPrefix(err.Error(), "line ") || strings.Contains(err.Error(), "$") {
			t.Errorf("%s: %v, %v", text, users, err)
		}
	}
}

// A password is verified, one at a time, and few wait.
func TestVerify(t *testing.T) {
	var u Users
	if err := u.Add("anna", Reader, right, "", now); err != nil {
		t.Fatal(err)
	}
	anna, _ := u.Get("ANNA")
	v := &Verifier{}
	at := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }
	for _, tt := range []struct {
		user     *User
		password string
		want     bool
	}{{&anna, right, true}, {&anna, right + "x", false}, {nil, right, false}, {&anna, strings.Repeat("x", 1<<20), false}} {
		if got, err := v.Verify(t.Context(), tt.user, tt.password, at(1)); got != tt.want || err != nil {
			t.Errorf("%.30q: %v, %v", tt.password, got, err)
		}
	}
	v.one.Lock() // one is verified for long
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range byte(maxWaiting) {
		wg.Go(func() {
			if got, err := v.Verify(ctx, &anna, right, at(i)); got || !errors.Is(err, context.Canceled) {
				t.Errorf("one who is gone: %v, %v", got, err)
			}
		})
	}
	waiting := func() int {
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.waiting)
	}
	for waiting() < maxWaiting {
		time.Sleep(time.Millisecond)
	}
	if _, err := v.Verify(ctx, &anna, right, at(200)); err != ErrBusy {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	v.one.Unlock()
	wg.Wait()
	if waiting() != 0 {
		t.Error("somebody waits for ever")
	}
}

// Who guesses is locked out where the guesses come from, and nobody else is.
func TestGuard(t *testing.T) {
	g := &Guard{}
	here, there := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	at := now
	for i := range lockAfter {
		if wait, _ := g.Try("anna", here, at); wait != 0 {
			t.Fatalf("try %d has to wait %s", i, wait)
		}
		if locked := g.Failed("Anna", here, at); locked != (i == lockAfter-1) {
			t.Errorf("failure %d locks out: %v", i, locked)
		}
	}
	if wait, locked := g.Try("ANNA", here, at); wait != lockFor || !locked {
		t.Errorf("locked out: %s, %v", wait, locked)
	}
	if wait, _ := g.Try("anna", there, at); wait != 0 {
		t.Errorf("at another address: wait %s", wait)
	}
	if wait, _ := g.Try("bert", here, at); wait != 0 {
		t.Errorf("another user: wait %s", wait)
	}
	g.Passed("bert", here, at)
	if wait, locked := g.Try("anna", here, at.Add(lockFor)); wait != 0 || locked {
		t.Errorf("after the lock-out: %s, %v", wait, locked)
	}
	// An address is slowed down, whomever it tries.
	slow := 0
	at = at.Add(time.Hour)
	for i := range 3 * placeBurst {
		if wait, locked := g.Try(string(rune('a'+i)), here, at); wait > 0 && !locked {
			slow++
		}
	}
	if slow != 2*placeBurst {
		t.Errorf("%d of %d tries of an address were slowed down", slow, 3*placeBurst)
	}
}

// Guesses from everywhere slow a user down, not where that user has logged in before.
func TestGuardEverywhere(t *testing.T) {
	g := &Guard{}
	home := netip.MustParseAddr("192.0.2.1")
	g.Try("anna", home, now)
	g.Passed("anna", home, now)
	passed := 0
	for i := range 2000 {
		from := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if wait, _ := g.Try("anna", from, now); wait == 0 {
			passed++
			g.Failed("anna", from, now)
		}
	}
	if passed > userBurst {
		t.Errorf("%d guesses at once from everywhere", passed)
	}
	if wait, _ := g.Try("anna", home, now); wait != 0 {
		t.Errorf("at home: wait %s", wait)
	}
	// One network is one place.
	h := &Guard{}
	for i := range uint16(lockAfter) {
		h.Failed("anna", netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)}), now)
	}
	if _, locked := h.Try("anna", netip.MustParseAddr("2001:db8::ffff"), now); !locked {
		t.Error("a network has as many tries as addresses")
	}
	for i := range 3 * most {
		h.Failed("x", netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), now.Add(time.Duration(i)))
		h.Try("y"+string(rune(i)), netip.AddrFrom4([4]byte{10, 2, byte(i >> 8), byte(i)}), now.Add(time.Duration(i)))
	}
	if len(h.pairs) > most || len(h.places) > most || len(h.users) > most {
		t.Errorf("tables of %d, %d, %d", len(h.pairs), len(h.places), len(h.users))
	}
}

// A book is the file as it is: changes are told with who made them, and a file that is no good has no users.
func TestBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	var told, wrong []string
	b := &Book{Path: path, Changed: func(c *Change, by string) { told = append(told, c.String()+" by "+by) }, Problem: func(err error) { wrong = append(wrong, err.Error()) }}
	if b.Len() != 0 {
		t.Fatal("users without a file")
	}
	edit := func(by string, change func(*Users) error) {
		t.Helper()
		if err := Edit(path, change); err != nil {
			t.Fatal(err)
		}
		if err := b.Reload(by); err != nil {
			t.Fatal(err)
		}
	}
	edit("", func(u *Users) error { return u.Add("anna", Reader, right, "carl", now) })
	edit("root", func(u *Users) error { return u.SetRole("anna", Approver, "carl", now.Add(1)) })
	edit("root", func(u *Users) error { return u.SetPassword("anna", right+"2", "carl", now.Add(2)) })
	if u, ok := b.User("Anna"); !ok || u.Role != Approver {
		t.Errorf("%+v, %v", u, ok)
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Reload("root"); err == nil {
			t.Error("nonsense is read")
		}
	}
	if _, ok := b.User("anna"); ok || len(wrong) != 1 {
		t.Errorf("a file that is no good: %v, %q", ok, wrong)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := b.Reload("root"); err != nil {
		t.Error(err)
	}
	want := []string{"user anna of the dashboard was added as reader by carl", "user anna of the dashboard: reader -> approver by root",
		"user anna of the dashboard has another password by root", "user anna of the dashboard was removed by root"}
	if strings.Join(told, "\n") != strings.Join(want, "\n") {
		t.Errorf("told\n%s", strings.Join(told, "\n"))
	}
}
