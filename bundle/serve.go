package bundle

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Server publishes the *.bundle files below a directory, with ETags. On request it holds a request until the file
// changes. It serves only complete bundles: while a file is being written, it serves the previous one.
// A Server is an http.Handler, safe for concurrent use. The caller must call Close.
type Server struct {
	root  *os.Root
	token string
	hold  time.Duration

	mu    sync.Mutex
	files map[string]*published
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// A published is a file that was requested.
type published struct {
	info    fs.FileInfo // when it was last read
	data    []byte
	etag    string
	changed chan struct{} // closed when data changes
}

const (
	defaultHold = 50 * time.Second
	lookEvery   = 250 * time.Millisecond
	maxPaths    = 1024 // files that are kept in memory
)

// NewServer serves the directory at dir. If token is not empty, requests must have it as their bearer token.
func NewServer(dir, token string) (*Server, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{root: root, token: token, hold: defaultHold, files: map[string]*published{}, stop: cancel}
	s.done.Go(func() { s.watch(ctx) })
	return s, nil
}

// Close ends the Server's goroutine. Held requests end when their wait is over.
func (s *Server) Close() error {
	s.stop()
	s.done.Wait()
	return s.root.Close()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
		return
	case !s.authorized(r):
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "a token is needed", http.StatusUnauthorized)
		return
	case !strings.HasSuffix(name, ".bundle") || path.Clean(name) != name:
		http.NotFound(w, r)
		return
	}
	data, etag, changed, err := s.get(name)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, fs.ErrNotExist) {
			status = http.StatusNotFound
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set(waitHeader, strconv.Itoa(int(s.hold/time.Second)))
	if wait, err := strconv.Atoi(r.URL.Query().Get("wait")); err == nil && wait > 0 && r.Header.Get("If-None-Match") == etag {
		timer := time.NewTimer(min(time.Duration(wait)*time.Second, s.hold))
		defer timer.Stop()
		select {
		case <-changed:
			if data, etag, _, err = s.get(name); err != nil {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method == http.MethodGet {
		w.Write(data)
	}
}

func (s *Server) authorized(r *http.Request) bool {
	if s.token == "" {
		return true
	}
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(s.token))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// get returns the current contents of a file; changed is closed when they change.
func (s *Server) get(name string) (data []byte, etag string, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.files[name]
	if p == nil {
		p = &published{changed: make(chan struct{})}
		if err := s.look(name, p); err != nil {
			return nil, "", nil, err
		}
		if p.data == nil {
			return nil, "", nil, errors.New("not a bundle")
		}
		if len(s.files) < maxPaths {
			s.files[name] = p
		}
	}
	return p.data, p.etag, p.changed, nil
}

// look reads the file again if it has changed. If it is not a complete bundle, the previous one stays.
func (s *Server) look(name string, p *published) error {
	info, err := s.root.Stat(name)
	if err != nil {
		return err
	}
	if p.info != nil && os.SameFile(info, p.info) && info.ModTime().Equal(p.info.ModTime()) && info.Size() == p.info.Size() {
		return nil
	}
	if !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	f, err := s.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return err
	}
	if _, err := Parse(data); err != nil {
		return nil
	}
	p.info = info
	if etag := fmt.Sprintf(`"%x"`, sha256.Sum256(data)); etag != p.etag {
		p.data, p.etag = data, etag
		close(p.changed)
		p.changed = make(chan struct{})
	}
	return nil
}

// watch checks the requested files for changes.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		for name, p := range s.files {
			if err := s.look(name, p); errors.Is(err, fs.ErrNotExist) {
				close(p.changed) // held requests learn that it is gone
				delete(s.files, name)
			}
		}
		s.mu.Unlock()
	}
}
