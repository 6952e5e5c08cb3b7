package proxy

import (
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/net/http2"
)

// maxUploads bounds how many unfinished requests the filter remembers. A client with more, most of which net/http
// must have refused, is not waited for.
const maxUploads = 1024

// noteFrame keeps track of which requests have not ended.
func (f *h2Filter) noteFrame(kind http2.FrameType, flags http2.Flags, stream uint32) {
	switch {
	case kind == http2.FrameRSTStream, kind == http2.FrameData && flags.Has(http2.FlagDataEndStream):
		delete(f.uploads, stream)
	}
}

// noteRequest does that for a field section: the head of a request, if isHead is set, or its trailers.
func (f *h2Filter) noteRequest(stream uint32, ended, isHead bool) {
	switch {
	case ended:
		delete(f.uploads, stream)
	case isHead && len(f.uploads) < maxUploads:
		if f.uploads == nil {
			f.uploads = make(map[uint32]bool)
		}
		f.uploads[stream] = true
	case isHead:
		f.overfull = true
	}
}

// endInput is called when the client has ended its sending side between two frames. It still wants its responses (RFC
// 9112, 9.6, says so of HTTP/1; TLS and TCP are the same here), but net/http would end all streams. So net/http reads
// a GOAWAY instead of the end, as from a client that has no more requests: it responds to complete requests, and then
// closes the connection. Requests that are not complete can never be, and are reset.
func (f *h2Filter) endInput() error {
	if f.overfull {
		return io.EOF
	}
	for stream := range f.uploads {
		f.writeFrame(http2.FrameRSTStream, 0, stream, binary.BigEndian.AppendUint32(nil, uint32(http2.ErrCodeCancel)))
	}
	f.writeFrame(http2.FrameGoAway, 0, 0, make([]byte, 8)) // the last stream of the other side, and NO_ERROR
	f.inputEnded = true
	return nil
}

// awaitClose returns when the connection has ended: net/http has closed it, the client has reset it, or nothing is
// left that the client can receive.
func (f *h2Filter) awaitClose() error {
	stuck := watchStuck(f)
	defer stuck.stop()
	err := awaitReset(f.inside.tunnel.client.tcp)
	if err == nil && f.inside.clientClosed != nil { // this system does not report a reset
		select {
		case <-f.inside.clientClosed:
		case <-stuck.gone:
		}
	}
	if errors.Is(err, errClientReset) {
		return err
	}
	return io.EOF
}
