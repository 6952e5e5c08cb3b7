package http1

// Bounds on what a chunked body may contain besides its data.
const (
	maxSizeDigits     = 15       // 2^60 bytes in one chunk
	maxExtensionBytes = 1 << 10  // in one chunk
	maxTrailerBytes   = 16 << 10 // in one body
)

// Chunks tracks the framing of a chunked body (RFC 9112, 7.1), byte by byte, and finds its end. It is stricter than
// net/http's reader: lines end in CRLF, only extensions may stand next to a size, and extensions and trailers are
// bounded. The zero Chunks is at the start of a body; set it to zero again for the next one.
type Chunks struct {
	state chunkState
	left  int64 // data bytes of this chunk that have not arrived
	count int   // digits, extension bytes or trailer bytes so far, by state
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart // at the beginning of a trailer line
	trailerName
	trailerValue
	trailerLF
	bodyLF // before the LF of the final empty line
	bodyDone
)

// Scan tracks b and returns how many bytes of it belong to the body: all of them, unless the body ends in b or is
// malformed.
func (s *Chunks) Scan(b []byte) (n int, f ProtocolError) {
	for n < len(b) && s.state != bodyDone {
		if s.state == chunkData {
			k := int(min(s.left, int64(len(b)-n)))
			n += k
			if s.left -= int64(k); s.left == 0 {
				s.state = chunkDataCR
			}
			continue
		}
		if f = s.step(b[n]); f != NoError {
			return n, f
		}
		n++
	}
	return n, NoError
}

// Done reports whether the body has ended.
func (s *Chunks) Done() bool { return s.state == bodyDone }

// step tracks one byte outside chunk data.
func (s *Chunks) step(c byte) ProtocolError {
	switch s.state {
	case chunkSize:
		return s.stepSize(c)
	case chunkExtension:
		return s.stepExtension(c)
	case chunkSizeLF:
		if c != '\n' {
			return ErrBareCR
		}
		s.state, s.count = chunkData, 0
		if s.left == 0 {
			s.state = trailerStart
		}
	case chunkDataCR:
		if c != '\r' {
			return ErrChunkEnd
		}
		s.state = chunkDataLF
	case chunkDataLF:
		if c != '\n' {
			return ErrBareCR
		}
		s.state, s.count = chunkSize, 0
	default:
		return s.stepTrailer(c)
	}
	return NoError
}

func (s *Chunks) stepSize(c byte) ProtocolError {
	digit := hexDigit(c)
	switch {
	case digit >= 0 && s.count < maxSizeDigits:
		s.left = s.left<<4 | int64(digit)
		s.count++
	case s.count == 0 || digit >= 0:
		return ErrChunkSize
	case c == '\r':
		s.state = chunkSizeLF
	case c == ';':
		s.state, s.count = chunkExtension, 0
	case c == '\n':
		return ErrBareLF
	default:
		return ErrChunkSize
	}
	return NoError
}

func (s *Chunks) stepExtension(c byte) ProtocolError {
	s.count++
	switch {
	case c == '\r':
		s.state = chunkSizeLF
	case c == '\n':
		return ErrBareLF
	case c < ' ' && c != '\t', c == 0x7f, s.count > maxExtensionBytes:
		return ErrChunkExtension
	}
	return NoError
}

// stepTrailer tracks the trailer section: field lines as strict as those of the head.
func (s *Chunks) stepTrailer(c byte) ProtocolError {
	s.count++
	if s.count > maxTrailerBytes {
		return ErrTrailer
	}
	switch s.state {
	case trailerStart:
		if c == '\r' {
			s.state = bodyLF
			break
		}
		s.state = trailerName
		if !IsTokenByte(c) { // obs-fold, an empty name, or no name at all
			return ErrTrailer
		}
	case trailerName:
		if c == ':' {
			s.state = trailerValue
		} else if !IsTokenByte(c) {
			return ErrTrailer
		}
	case trailerValue:
		if c == '\r' {
			s.state = trailerLF
		} else if c < ' ' && c != '\t' || c == 0x7f {
			return ErrTrailer
		}
	case trailerLF:
		if c != '\n' {
			return ErrBareCR
		}
		s.state = trailerStart
	case bodyLF:
		if c != '\n' {
			return ErrBareCR
		}
		s.state = bodyDone
	}
	return NoError
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
