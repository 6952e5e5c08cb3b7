// Package http1 parses HTTP/1 from untrusted peers: request heads and targets, chunked bodies, and the responses of
// origins and upstream proxies. Its input is bytes, its output values or a protocol error. It accepts only what every
// parser reads in the same way (RFC 9112), so that what is decided is what the next hop reads.
//
// It cannot touch a socket or a file: it imports neither net nor os, which internal/archtest checks. A ResponseStream
// reads from the io.Reader that it is given.
package http1
