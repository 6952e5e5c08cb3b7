package http1

import "webproxy/policy"

// A ProtocolError is why bytes are not an HTTP/1.1 or HTTP/2 request stream with one meaning only. Its text is for
// the operator's log, and contains nothing that the client wrote. Some are found by callers, in HTTP/2 or before HTTP
// begins; they are here so that one table has all.
type ProtocolError uint8

const (
	NoError ProtocolError = iota
	ErrIncomplete
	ErrTimeout
	ErrTooLarge
	ErrTLS
	ErrControlByte
	ErrBareCR
	ErrBareLF
	ErrRequestLine
	ErrMethod
	ErrTargetByte
	ErrTargetForm
	ErrEscape
	ErrVersion
	ErrFold
	ErrFieldName
	ErrNoHost
	ErrManyHosts
	ErrHost
	ErrLength
	ErrManyLengths
	ErrLengthAndCoding
	ErrCoding
	ErrCodingOn10
	ErrExpect
	ErrConnectBody
	ErrTrailerName
	ErrAuthority
	ErrChunkSize
	ErrChunkExtension
	ErrChunkEnd
	ErrTrailer
	ErrBalancer
	ErrHandshake
	ErrNoTLS
	ErrPreface
	ErrFrames
	ErrHPACK
	ErrPseudo
	ErrConnectionField
	numErrors
)

// errorTexts has, for each ProtocolError, the status of RFC 9110 and the text for the operator.
var errorTexts = [numErrors]struct {
	status int
	text   string
}{
	NoError:            {200, ""},
	ErrIncomplete:      {400, "connection closed inside the request head"},
	ErrTimeout:         {408, "request head not complete in time"},
	ErrTooLarge:        {431, "request head too large"},
	ErrTLS:             {400, "TLS on a plain HTTP port"},
	ErrControlByte:     {400, "control byte in the request head"},
	ErrBareCR:          {400, "CR without LF"},
	ErrBareLF:          {400, "LF without CR"},
	ErrRequestLine:     {400, "malformed request line"},
	ErrMethod:          {400, "malformed method"},
	ErrTargetByte:      {400, "byte not allowed in a request target"},
	ErrTargetForm:      {400, "request target in none of the four forms"},
	ErrEscape:          {400, "malformed percent escape in the path"},
	ErrVersion:         {505, "not HTTP/1.0 or HTTP/1.1"},
	ErrFold:            {400, "folded header line"},
	ErrFieldName:       {400, "malformed field name"},
	ErrNoHost:          {400, "no Host field"},
	ErrManyHosts:       {400, "more than one Host field"},
	ErrHost:            {400, "malformed Host field"},
	ErrLength:          {400, "malformed Content-Length"},
	ErrManyLengths:     {400, "more than one Content-Length"},
	ErrLengthAndCoding: {400, "both Content-Length and Transfer-Encoding"},
	ErrCoding:          {501, "Transfer-Encoding other than chunked"},
	ErrCodingOn10:      {400, "Transfer-Encoding in HTTP/1.0"},
	ErrExpect:          {417, "Expect other than 100-continue"},
	ErrConnectBody:     {400, "CONNECT with a body"},
	ErrTrailerName:     {400, "Trailer names a field that says where the body ends"},
	ErrAuthority:       {400, "target is not a host and a port"},
	ErrChunkSize:       {400, "malformed chunk size"},
	ErrChunkExtension:  {400, "malformed or over-long chunk extension"},
	ErrChunkEnd:        {400, "chunk longer than its size"},
	ErrTrailer:         {400, "malformed or over-long trailer"},
	ErrBalancer:        {400, "no PROXY protocol header, or a malformed one, from a balancer"},
	ErrHandshake:       {400, "TLS handshake failed"},
	ErrNoTLS:           {400, "not TLS, on a port for TLS"},
	ErrPreface:         {400, "no HTTP/2 preface where HTTP/2 was agreed on"},
	ErrFrames:          {400, "HTTP/2 frames that are malformed or out of order"},
	ErrHPACK:           {400, "malformed HPACK in a field section"},
	ErrPseudo:          {400, "malformed, missing or unknown pseudo-header fields"},
	ErrConnectionField: {400, "field about the connection in HTTP/2"},
}

// Error implements error: the reader of a body gets it as its error.
func (f ProtocolError) Error() string { return errorTexts[f].text }

// Status is the status code of the response.
func (f ProtocolError) Status() int { return errorTexts[f].status }

// Reason is the word of the decision: a target that cannot be decided about is distinguished from noise.
func (f ProtocolError) Reason() policy.Reason {
	if f == ErrAuthority {
		return policy.BadTarget
	}
	return policy.BadRequest
}
