//go:build linux

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// serveLean is about the least that a Go proxy with a goroutine for each connection can do: it reads a head,
// looks its host up in a map, writes a line, and copies. It has no checks, limits or timeouts. It
// shows what all of these cost.
func serveLean(ln net.Listener, g *gatekeeper) error {
	l := &lean{gatekeeper: g}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go l.serve(c.(*net.TCPConn))
	}
}

type lean struct {
	*gatekeeper
	mu   sync.Mutex // guards idle
	idle []*leanConn
}

// A leanConn is a connection to the origin with its reader.
type leanConn struct {
	net.Conn
	r    *bufio.Reader
	addr string
}

const leanDenied = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

func (l *lean) serve(c *net.TCPConn) {
	defer c.Close()
	r := bufio.NewReader(c)
	remote := c.RemoteAddr().String()
	for {
		head, method, target, err := leanHead(r)
		if err != nil {
			return
		}
		host, path := target, ""
		if method != "CONNECT" {
			host, path, _ = strings.Cut(strings.TrimPrefix(target, "http://"), "/")
		}
		if !l.allows(remote, method, host) {
			io.WriteString(c, leanDenied)
			return
		}
		if method == "CONNECT" {
			l.tunnel(c, host)
			return
		}
		if l.forward(c, head, host, "/"+path) != nil {
			return
		}
	}
}

// leanHead reads a head and splits its first line.
func leanHead(r *bufio.Reader) (rest []byte, first, second string, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, "", "", err
	}
	first, second, _ = strings.Cut(string(line), " ")
	second, _, _ = strings.Cut(second, " ")
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, "", "", err
		}
		rest = append(rest, line...)
		if len(line) <= 2 {
			return rest, first, second, nil
		}
	}
}

func (l *lean) tunnel(c *net.TCPConn, host string) {
	o, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer o.Close()
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	done := make(chan bool)
	go func() {
		io.Copy(c, o)
		c.CloseWrite()
		close(done)
	}()
	io.Copy(o, c)
	o.(*net.TCPConn).CloseWrite()
	<-done
}

func (l *lean) forward(c *net.TCPConn, rest []byte, host, path string) error {
	o, err := l.take(host)
	if err != nil {
		return err
	}
	b := append(make([]byte, 0, 512), "GET "+path+" HTTP/1.1\r\n"...)
	if _, err := o.Write(append(b, rest...)); err != nil {
		return err
	}
	head, version, status, err := leanHead(o.r)
	if err != nil {
		return err
	}
	b = append(b[:0], version+" "+status+" OK\r\n"...)
	b = append(b, head...)
	length := leanLength(head)
	// The beginning of the body, if it has arrived, is sent with the head.
	n := int(min(length, int64(o.r.Buffered())))
	body, _ := o.r.Peek(n)
	b = append(b, body...)
	o.r.Discard(n)
	if _, err := c.Write(b); err != nil {
		return err
	}
	if length -= int64(n); length > 0 {
		if _, err := io.Copy(c, io.LimitReader(o.Conn, length)); err != nil {
			return err
		}
	}
	l.mu.Lock()
	l.idle = append(l.idle, o)
	l.mu.Unlock()
	return nil
}

func leanLength(head []byte) int64 {
	for line := range bytes.Lines(head) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("content-length")) {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n
		}
	}
	return 0
}

// take returns an idle connection to host, or a new one.
func (l *lean) take(host string) (*leanConn, error) {
	l.mu.Lock()
	for i := len(l.idle) - 1; i >= 0; i-- {
		if o := l.idle[i]; o.addr == host {
			l.idle = append(l.idle[:i], l.idle[i+1:]...)
			l.mu.Unlock()
			return o, nil
		}
	}
	l.mu.Unlock()
	c, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &leanConn{c, bufio.NewReader(c), host}, nil
}
