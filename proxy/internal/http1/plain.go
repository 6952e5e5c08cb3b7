package http1

import "strconv"

// Nearly all heads of plain requests and their responses have only end-to-end fields. Such a head is forwarded by
// copying its lines, without building a map. One with any field for which that is not enough is for net/http's
// parsers; see IsPlainGet. Fuzz tests in package proxy compare the two paths.

// A fieldUse is what happens to a field when its head is forwarded.
type fieldUse uint8

const (
	fieldCopied     fieldUse = iota
	fieldDropped             // it is for this connection only, or is written anew
	fieldConnection          // the same, and it may announce the end of the connection
	fieldInvolved            // copying is not enough for a head with this field
	fieldAgent
	fieldAccept
	fieldDate
	fieldLength
	fieldServer
)

// requestFieldUse is the use of a request's field with a name.
func requestFieldUse(name []byte) fieldUse {
	switch len(name) {
	case 2:
		return involvedIf(equalFold(name, "te"))
	case 3:
		return involvedIf(equalFold(name, "via"))
	case 4:
		if equalFold(name, "host") {
			return fieldDropped
		}
	case 6:
		if equalFold(name, "accept") {
			return fieldAccept
		}
		return involvedIf(equalFold(name, "pragma") || equalFold(name, "expect"))
	case 7:
		return involvedIf(equalFold(name, "trailer") || equalFold(name, "upgrade"))
	case 10:
		switch {
		case equalFold(name, "user-agent"):
			return fieldAgent
		case equalFold(name, "connection"):
			return fieldConnection
		case equalFold(name, "keep-alive"):
			return fieldDropped
		}
	case 14:
		return involvedIf(equalFold(name, "http2-settings") || equalFold(name, "content-length"))
	case 16:
		if equalFold(name, "proxy-connection") {
			return fieldDropped
		}
	case 17:
		return involvedIf(equalFold(name, "transfer-encoding"))
	case 18:
		return involvedIf(equalFold(name, "proxy-authenticate"))
	case 19:
		return involvedIf(equalFold(name, "proxy-authorization"))
	case 25:
		return involvedIf(equalFold(name, "proxy-authentication-info"))
	}
	return fieldCopied
}

// responseFieldUse is the use of a response's field with a name.
func responseFieldUse(name []byte) fieldUse {
	switch len(name) {
	case 2:
		return involvedIf(equalFold(name, "te"))
	case 4:
		if equalFold(name, "date") {
			return fieldDate
		}
	case 6:
		if equalFold(name, "server") {
			return fieldServer
		}
		return involvedIf(equalFold(name, "pragma"))
	case 7:
		return involvedIf(equalFold(name, "trailer") || equalFold(name, "upgrade"))
	case 8:
		return involvedIf(equalFold(name, "location"))
	case 10:
		switch {
		case equalFold(name, "connection"):
			return fieldConnection
		case equalFold(name, "keep-alive"):
			return fieldDropped
		}
	case 12:
		return involvedIf(equalFold(name, "proxy-status"))
	case 13:
		return involvedIf(equalFold(name, "proxy-support"))
	case 14:
		if equalFold(name, "content-length") {
			return fieldLength
		}
		return involvedIf(equalFold(name, "http2-settings"))
	case 15:
		return involvedIf(equalFold(name, "persistent-auth"))
	case 16:
		if equalFold(name, "proxy-connection") {
			return fieldDropped
		}
		return involvedIf(equalFold(name, "www-authenticate"))
	case 17:
		return involvedIf(equalFold(name, "transfer-encoding"))
	case 18:
		return involvedIf(equalFold(name, "proxy-authenticate"))
	case 19:
		return involvedIf(equalFold(name, "proxy-authorization"))
	case 25:
		return involvedIf(equalFold(name, "proxy-authentication-info"))
	}
	return fieldCopied
}

func involvedIf(is bool) fieldUse {
	if is {
		return fieldInvolved
	}
	return fieldCopied
}

// plainConnection reports whether a Connection field says only whether the connection ends.
func plainConnection(value []byte) (closes, ok bool) {
	closes = equalFold(value, "close")
	return closes, closes || equalFold(value, "keep-alive")
}

// A PlainRequest is what else AppendRequest finds out about a request.
type PlainRequest struct {
	Closes bool   // the client's connection ends with this request
	Accept []byte // the value of that field, in what was appended; empty if there is none
}

// AppendRequest appends to dst the fields of a plain GET's head b as they are sent to the origin, without the empty
// line. It reports false if copying is not enough: dst is then returned unchanged. b has passed RequestHead.Parse.
func AppendRequest(dst, b []byte) (out []byte, r PlainRequest, ok bool) {
	_, rest := cutLine(b)
	out = dst
	var accept, acceptEnd int // where in out
	for line := []byte(nil); ; {
		if line, rest = cutLine(rest); len(line) == 0 {
			r.Accept = out[accept:acceptEnd]
			return out, r, true
		}
		name, value, _ := cutField(line)
		switch use := requestFieldUse(name); use {
		case fieldDropped:
		case fieldConnection:
			closes, ok := plainConnection(value)
			if !ok {
				return dst, PlainRequest{}, false
			}
			r.Closes = r.Closes || closes
		case fieldInvolved:
			return dst, PlainRequest{}, false
		default:
			if use == fieldAgent && len(value) == 0 || use == fieldAccept && acceptEnd > 0 {
				return dst, PlainRequest{}, false
			}
			out = appendField(out, name, value)
			if use == fieldAccept {
				acceptEnd = len(out) - len(crlf)
				accept = acceptEnd - len(value)
			}
		}
	}
}

// A PlainResponse is what AppendResponse finds out about a final response with a body of known length.
type PlainResponse struct {
	Length int64 // of the body, as Content-Length says
	Closes bool  // the connection to the origin ends with it
	Dated  bool  // it has a Date
}

// If b begins with the head of a final response that AppendResponse may be able to forward, PlainResponseEnd returns
// where the head ends, and its status; else 0. b has passed a ResponseStream.
func PlainResponseEnd(b []byte) (end, status int) {
	const version = "HTTP/1.1 "
	if len(b) < len(version)+3 || string(b[:len(version)]) != version {
		return 0, 0
	}
	for _, c := range b[len(version) : len(version)+3] {
		status = status*10 + int(c-'0')
	}
	if status < 200 || status == 204 || status == 304 || status == 401 || status == 407 {
		return 0, 0
	}
	end, f := ScanHead(b, 0)
	if f != NoError {
		return 0, 0
	}
	return end, status
}

// AppendResponse appends to dst the fields of a response head b as they are sent to the client, without the empty
// line. ourName is this proxy's name in Server, in lower case. It reports false if copying is not enough: dst is then
// returned unchanged. b is as PlainResponseEnd found it.
func AppendResponse(dst, b []byte, ourName string) (out []byte, r PlainResponse, ok bool) {
	_, rest := cutLine(b)
	out, r.Length = dst, -1
	for line := []byte(nil); ; {
		if line, rest = cutLine(rest); len(line) == 0 {
			if r.Length < 0 {
				return dst, PlainResponse{}, false
			}
			return out, r, true
		}
		name, value, _ := cutField(line)
		ok := true
		switch responseFieldUse(name) {
		case fieldDropped:
			continue
		case fieldConnection:
			var closes bool
			if closes, ok = plainConnection(value); ok {
				r.Closes = r.Closes || closes
				continue
			}
		case fieldLength:
			if ok = r.Length < 0; ok {
				if r.Length, ok = ParseLength(value); ok {
					out = strconv.AppendInt(append(append(out, name...), ": "...), r.Length, 10)
					out = append(out, crlf...)
					continue
				}
			}
		case fieldServer:
			ok = !equalFold(value, ourName)
		case fieldDate:
			r.Dated = true
		case fieldInvolved:
			ok = false
		}
		if !ok {
			return dst, PlainResponse{}, false
		}
		out = appendField(out, name, value)
	}
}

const crlf = "\r\n"

func appendField(dst, name, value []byte) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), crlf...)
}
