package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"webproxy/proxy/internal/http1"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Limits that net/http announces to the client in its SETTINGS, and that the filter enforces. They are the smallest
// and the initial values of RFC 9113, 6.5.2.
const (
	h2FrameSize = 16 << 10
	h2TableSize = 4 << 10
	h2FrameHead = 9
)

// An h2Filter is a client connection of HTTP/2 inside inspected TLS, as net/http reads it. Every field section that
// begins a request is decoded here, must be a request that the filter of HTTP/1.1 would accept too, and is encoded
// anew. A malformed section is recorded, and net/http reads something in its place that makes it reset the stream or
// end the connection with the error that RFC 9113 specifies; on its own it would do so without a record.
//
// Other frames pass unchanged. net/http guarantees a single reader.
type h2Filter struct {
	net.Conn // TLS; as an interface, since net/http treats a connection with a TLS state differently
	inside   *inspection

	ready   bytes.Buffer // verified: net/http may read it
	passing int          // bytes left of a frame that passes unchanged
	err     error        // returned by every Read once ready is empty; nil while the connection goes on
	began   bool         // the preface was read
	last    uint32       // the highest stream so far

	uploads    map[uint32]bool // requests whose end has not arrived; see h2_half_close.go
	overfull   bool            // there were more than maxUploads
	inputEnded bool            // the client has ended its sending side

	writing atomic.Int32 // calls of Write
	written atomic.Int64 // bytes

	section h2Section // being read
	decoder *hpack.Decoder
	encoder *hpack.Encoder
	encoded bytes.Buffer
	head    []byte // scratch of check
}

// An h2Section is a field section: that of a request, or of its trailers.
type h2Section struct {
	stream   uint32 // 0 if none is being read
	flags    http2.Flags
	priority []byte
	fields   []hpack.HeaderField
	size     int // of the fields, as RFC 9113, 6.5.2 counts it
	encoded  int // bytes of it so far
}

func newH2Filter(client *tls.Conn, n *inspection) *h2Filter {
	f := &h2Filter{Conn: client, inside: n}
	f.decoder = hpack.NewDecoder(h2TableSize, f.field)
	f.decoder.SetMaxStringLength(f.limit())
	f.encoder = hpack.NewEncoder(&f.encoded)
	f.encoder.SetMaxDynamicTableSize(0) // so that no section depends on another
	return f
}

// limit is the largest size of a field section.
func (f *h2Filter) limit() int { return f.inside.srv.limits.heads.size }

// Read implements net.Conn.
func (f *h2Filter) Read(p []byte) (int, error) {
	for {
		switch {
		case f.ready.Len() > 0:
			return f.ready.Read(p)
		case f.err != nil:
			return 0, f.err
		case f.passing > 0:
			n, err := f.Conn.Read(p[:min(len(p), f.passing)])
			f.passing -= n
			return n, err
		}
		f.ready.Reset()
		if err := f.next(); err != nil {
			f.err = err
		}
	}
}

// next reads the preface or the beginning of a frame, and all of a frame that belongs to a field section.
func (f *h2Filter) next() error {
	if !f.began {
		return f.readPreface()
	}
	if f.inputEnded {
		return f.awaitClose()
	}
	var head [h2FrameHead]byte
	switch n, err := io.ReadFull(f.Conn, head[:]); {
	case n == 0 && isInputEnd(err) && f.section.stream == 0:
		return f.endInput()
	case err != nil:
		return err
	}
	size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	kind, flags := http2.FrameType(head[3]), http2.Flags(head[4])
	stream := binary.BigEndian.Uint32(head[5:]) &^ (1 << 31)
	f.ready.Write(head[:])
	switch {
	case size > h2FrameSize:
		return io.EOF // net/http refuses it because of its size (RFC 9113, 4.2)
	case kind == http2.FrameHeaders && f.section.stream == 0 && stream%2 == 1:
		f.ready.Reset()
		f.section = h2Section{stream: stream, flags: flags, fields: f.section.fields[:0]}
		return f.readSection(size, flags, true)
	case kind == http2.FrameContinuation && f.section.stream != 0 && stream == f.section.stream:
		f.ready.Reset()
		return f.readSection(size, flags, false)
	case kind == http2.FrameHeaders, kind == http2.FrameContinuation, kind == http2.FramePushPromise, f.section.stream != 0:
		f.ready.Reset()
		return f.breakOff(http1.ErrFrames)
	}
	f.passing = size
	f.noteFrame(kind, flags, stream)
	return nil
}

func (f *h2Filter) readPreface() error {
	b := make([]byte, len(http2.ClientPreface))
	n, err := io.ReadFull(f.Conn, b)
	switch {
	case n == 0:
		return err
	case string(b) != http2.ClientPreface:
		f.record(http1.ErrPreface, "")
		return io.EOF
	}
	f.began = true
	f.ready.Write(b)
	return nil
}

// readSection reads the payload of a HEADERS or CONTINUATION frame.
func (f *h2Filter) readSection(size int, flags http2.Flags, first bool) error {
	s := &f.section
	// A section that is far too large is not decoded to its end.
	if s.encoded += size; s.encoded > 2*f.limit() || s.size > f.limit() && !first {
		return f.breakOff(http1.ErrTooLarge)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(f.Conn, b); err != nil {
		return err
	}
	if first {
		var ok bool
		if b, s.priority, ok = splitHeaders(b, flags); !ok {
			return f.breakOff(http1.ErrFrames)
		}
	}
	switch _, err := f.decoder.Write(b); {
	case errors.Is(err, hpack.ErrStringLength):
		return f.breakOff(http1.ErrTooLarge)
	case err != nil:
		return f.breakOff(http1.ErrHPACK)
	}
	if !flags.Has(http2.FlagHeadersEndHeaders) {
		return nil
	}
	if err := f.decoder.Close(); err != nil {
		return f.breakOff(http1.ErrHPACK)
	}
	f.finishSection()
	return nil
}

// splitHeaders returns the fragment and the priority fields in the payload of a HEADERS frame (RFC 9113, 6.2).
func splitHeaders(b []byte, flags http2.Flags) (fragment, priority []byte, ok bool) {
	padding := 0
	if flags.Has(http2.FlagHeadersPadded) {
		if len(b) < 1 {
			return nil, nil, false
		}
		padding, b = int(b[0]), b[1:]
	}
	if flags.Has(http2.FlagHeadersPriority) {
		if len(b) < 5 {
			return nil, nil, false
		}
		priority, b = b[:5], b[5:]
	}
	if padding > len(b) {
		return nil, nil, false
	}
	return b[:len(b)-padding], priority, true
}

// field is called by the decoder for each field. Beyond the limit no field is kept.
func (f *h2Filter) field(hf hpack.HeaderField) {
	s := &f.section
	if s.size += int(hf.Size()); s.size <= f.limit() {
		s.fields = append(s.fields, hf)
	}
}

// malformedSection has net/http reset the stream with PROTOCOL_ERROR (RFC 9113, 8.1.1), in a request and in trailers.
var malformedSection = []hpack.HeaderField{{Name: ":method", Value: "GET"}}

// finishSection checks the section that has been read, and hands it on.
func (f *h2Filter) finishSection() {
	s := &f.section
	fields, head := s.fields, false
	switch {
	case s.stream <= f.last: // trailers, or no request
		if s.size > f.limit() || checkH2Trailers(fields) != http1.NoError {
			fields = malformedSection
		}
	default:
		f.last, head = s.stream, true
		why, err := http1.ErrTooLarge, error(nil)
		if s.size <= f.limit() {
			why, err = f.check(fields)
		}
		if why != http1.NoError {
			f.record(why, methodOf(fields), err)
			fields = malformedSection
		}
	}
	f.noteRequest(s.stream, s.flags.Has(http2.FlagHeadersEndStream), head)
	f.encoded.Reset()
	for _, hf := range fields {
		f.encoder.WriteField(hf) // to a buffer: it cannot fail
	}
	f.writeSection(s)
	s.stream = 0
	clear(s.fields) // they may hold credentials
}

// writeSection writes the encoded section as frames.
func (f *h2Filter) writeSection(s *h2Section) {
	kind, flags := http2.FrameHeaders, s.flags&http2.FlagHeadersEndStream
	prefix := s.priority
	if len(prefix) > 0 {
		flags |= http2.FlagHeadersPriority
	}
	for first := true; first || f.encoded.Len() > 0; first = false {
		part := f.encoded.Next(h2FrameSize - len(prefix))
		if f.encoded.Len() == 0 {
			flags |= http2.FlagHeadersEndHeaders
		}
		f.writeFrame(kind, flags, s.stream, prefix, part)
		kind, flags, prefix = http2.FrameContinuation, 0, nil
	}
}

func (f *h2Filter) writeFrame(kind http2.FrameType, flags http2.Flags, stream uint32, parts ...[]byte) {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	f.ready.Write([]byte{byte(size >> 16), byte(size >> 8), byte(size), byte(kind), byte(flags)})
	f.ready.Write(binary.BigEndian.AppendUint32(nil, stream))
	for _, part := range parts {
		f.ready.Write(part)
	}
}

// breakOff records why the connection cannot go on, and makes net/http end it with the right error.
func (f *h2Filter) breakOff(why http1.ProtocolError) error {
	f.record(why, "")
	if why == http1.ErrHPACK {
		const invalid = "\x80" // index 0 (RFC 7541, 6.1)
		f.writeFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, f.section.stream, []byte(invalid))
	} else {
		f.writeFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 0) // PROTOCOL_ERROR (RFC 9113, 6.2)
	}
	return io.EOF
}

// record writes the record of a malformed request. net/http tells the client.
func (f *h2Filter) record(why http1.ProtocolError, method string, err ...error) {
	var cause error
	if len(err) > 0 {
		cause = err[0]
	}
	f.inside.srv.recordProtocolError(f.inside.http2RequestConn(), method, why, cause)
}
