package config

import (
	"path/filepath"

	"webproxy/internal/adminsocket"
)

// defaultSocket fills in admin.socket. There is none if the setting is missing and the directory's name is too long
// for a socket beside it: see checkAdmin.
func (c *Config) defaultSocket() {
	switch c.Admin.Socket {
	case Off:
	case "":
		c.Admin.Socket = adminsocket.DefaultPath(c.Audit.Dir)
	default:
		c.fromFile(&c.Admin.Socket)
	}
}

// ReadSocket returns the path of the admin socket for the configuration at path, or Off. Like ReadAudit it ignores
// the rest of the file, so that a mistake elsewhere keeps nobody from asking the running proxy. An empty path is the
// built-in configuration's. The error is Problems.
func ReadSocket(path string) (string, error) {
	if path == "" {
		c := &Config{}
		c.withDefaults()
		return c.Admin.Socket, nil
	}
	log, err := ReadAudit(path)
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", Problems{{File: path, Msg: err.Error()}}
	}
	data, err := readFile(abs, maxYAML)
	if err != nil {
		return "", Problems{{File: path, Msg: err.Error()}}
	}
	c := &Config{Path: abs}
	c.Audit.Dir = log.Dir
	if problems := readSection(path, data, "admin", map[string]*string{"socket": &c.Admin.Socket}); len(problems) > 0 {
		return "", problems
	}
	c.defaultSocket()
	return c.Admin.Socket, nil
}

// checkAdmin checks admin.socket.
func (l *loader) checkAdmin() {
	if l.failed("admin") || l.failed("audit.dir") || l.cfg.Admin.Socket == Off {
		return
	}
	err := adminsocket.CheckPath(l.cfg.Admin.Socket)
	switch {
	case err == nil:
	case l.given("admin") && l.given("admin.socket"):
		l.fail("admin.socket", err.Error(), `name a short path, or "off"`)
	default:
		l.warn("admin.socket", "no admin socket: "+err.Error(), "set admin.socket to a short path, so that webproxy status and reload find the proxy")
		l.cfg.Admin.Socket = Off
	}
}

// socketDir is the directory whose permissions decide who could replace the proxy's socket; empty if there is none.
func (c *Config) socketDir() string {
	if c.Admin.Socket == Off || !filepath.IsAbs(c.Admin.Socket) {
		return ""
	}
	return filepath.Dir(c.Admin.Socket)
}
