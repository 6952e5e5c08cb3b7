package proxy

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"webproxy/proxy/internal/http1"
)

// isWebSocket reports whether r asks for a WebSocket by a handshake that a server must accept by RFC 6455, 4.2.1: GET
// of HTTP/1.1 without a body, Upgrade with websocket only, one key of 16 bytes, version 13. Any other Upgrade is
// removed like the other hop-by-hop fields.
func isWebSocket(r *http.Request) bool {
	up, key, version := r.Header["Upgrade"], r.Header["Sec-Websocket-Key"], r.Header["Sec-Websocket-Version"]
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.ContentLength != 0 ||
		len(up) != 1 || !strings.EqualFold(up[0], "websocket") || !hasToken(r.Header, "Connection", "upgrade") ||
		len(version) != 1 || version[0] != "13" || len(key) != 1 {
		return false
	}
	nonce, err := base64.StdEncoding.Strict().DecodeString(key[0])
	return err == nil && len(nonce) == 16
}

const errNotSwitched http1.ResponseError = "status 101 that does not accept the WebSocket asked for"

// checkSwitch returns what keeps a response with status 101 from being that of a WebSocket server to a request with
// the header asked (RFC 6455, 4.1). Only such a server is known to read what follows as WebSocket frames. After any
// other response the client could send requests, or anything else, unchecked.
func checkSwitch(resp *http.Response, asked http.Header) error {
	h := resp.Header
	up, accept := h["Upgrade"], h["Sec-Websocket-Accept"]
	key := asked.Get("Sec-Websocket-Key") // empty if Connection named it
	switch {
	case resp.ProtoMajor != 1 || resp.ProtoMinor < 1,
		len(up) != 1 || !strings.EqualFold(up[0], "websocket"),
		!hasToken(h, "Connection", "upgrade"),
		key == "" || len(accept) != 1 || accept[0] != acceptKey(key),
		len(h["Content-Length"]) > 0 || len(resp.TransferEncoding) > 0 || len(h["Transfer-Encoding"]) > 0, // RFC 9110, 15.2 and 8.6
		len(h["Sec-Websocket-Protocol"]) > 1,
		!wereAsked(h["Sec-Websocket-Protocol"], asked["Sec-Websocket-Protocol"]),
		!wereAsked(h["Sec-Websocket-Extensions"], asked["Sec-Websocket-Extensions"]):
		return errNotSwitched
	}
	return nil
}

// acceptKey is the value of Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2).
func acceptKey(key string) string {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// wereAsked reports whether everything that a response lists was listed in the request, by name.
func wereAsked(response, request []string) bool {
	names := func(values []string) (all []string) {
		for _, v := range values {
			for item := range strings.SplitSeq(v, ",") {
				name, _, _ := strings.Cut(item, ";")
				if name = strings.Trim(name, " \t"); name != "" {
					all = append(all, name)
				}
			}
		}
		return all
	}
	asked := names(request)
	return !slices.ContainsFunc(names(response), func(name string) bool { return !slices.Contains(asked, name) })
}
