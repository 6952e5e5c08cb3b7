// Package proxystatus has the words of RFC 9209: the proxy error types, and what proxies say in a Proxy-Status field. It
// writes a member of that field, and looks into fields that others have written, which may be malformed.
package proxystatus
