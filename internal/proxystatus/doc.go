// Package proxystatus has the proxy error types of RFC 9209 and its Proxy-Status field. It writes a member of that field, and reads
// fields that others have written, which may be malformed. It is pure, and safe for concurrent use.
package proxystatus
