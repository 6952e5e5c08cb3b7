package proxy

import (
	"net/http"

	"webproxy/policy"
)

// A flaw is what keeps bytes from being an HTTP/1.1 or HTTP/2 request stream with one meaning only.
// The zero flaw is none. Its text goes to the operator's log, and nothing of the client's is in it.
type flaw uint8

const (
	flawless flaw = iota
	flawIncomplete
	flawTimeout
	flawTooLarge
	flawTLS
	flawControlByte
	flawBareCR
	flawBareLF
	flawRequestLine
	flawMethod
	flawTargetByte
	flawTargetForm
	flawEscape
	flawVersion
	flawFold
	flawFieldName
	flawNoHost
	flawManyHosts
	flawHost
	flawLength
	flawManyLengths
	flawLengthAndCoding
	flawCoding
	flawCodingOn10
	flawExpect
	flawConnectBody
	flawTrailerName
	flawAuthority
	flawChunkSize
	flawChunkExtension
	flawChunkEnd
	flawTrailer
	flawBalancer
	flawHandshake
	flawNoTLS
	flawPreface
	flawFrames
	flawHPACK
	flawPseudo
	flawConnectionField
	numFlaws
)

// flawTexts holds, for each flaw, the status that RFC 9110 has for it and what to tell the operator.
var flawTexts = [numFlaws]struct {
	status int
	text   string
}{
	flawless:            {http.StatusOK, ""},
	flawIncomplete:      {http.StatusBadRequest, "connection closed inside the request head"},
	flawTimeout:         {http.StatusRequestTimeout, "request head not complete in time"},
	flawTooLarge:        {http.StatusRequestHeaderFieldsTooLarge, "request head too large"},
	flawTLS:             {http.StatusBadRequest, "TLS on a plain HTTP port"},
	flawControlByte:     {http.StatusBadRequest, "control byte in the request head"},
	flawBareCR:          {http.StatusBadRequest, "CR without LF"},
	flawBareLF:          {http.StatusBadRequest, "LF without CR"},
	flawRequestLine:     {http.StatusBadRequest, "malformed request line"},
	flawMethod:          {http.StatusBadRequest, "malformed method"},
	flawTargetByte:      {http.StatusBadRequest, "byte not allowed in a request target"},
	flawTargetForm:      {http.StatusBadRequest, "request target in none of the four forms"},
	flawEscape:          {http.StatusBadRequest, "malformed percent escape in the path"},
	flawVersion:         {http.StatusHTTPVersionNotSupported, "not HTTP/1.0 or HTTP/1.1"},
	flawFold:            {http.StatusBadRequest, "folded header line"},
	flawFieldName:       {http.StatusBadRequest, "malformed field name"},
	flawNoHost:          {http.StatusBadRequest, "no Host field"},
	flawManyHosts:       {http.StatusBadRequest, "more than one Host field"},
	flawHost:            {http.StatusBadRequest, "malformed Host field"},
	flawLength:          {http.StatusBadRequest, "malformed Content-Length"},
	flawManyLengths:     {http.StatusBadRequest, "more than one Content-Length"},
	flawLengthAndCoding: {http.StatusBadRequest, "both Content-Length and Transfer-Encoding"},
	flawCoding:          {http.StatusNotImplemented, "Transfer-Encoding other than chunked"},
	flawCodingOn10:      {http.StatusBadRequest, "Transfer-Encoding in HTTP/1.0"},
	flawExpect:          {http.StatusExpectationFailed, "Expect other than 100-continue"},
	flawConnectBody:     {http.StatusBadRequest, "CONNECT with a body"},
	flawTrailerName:     {http.StatusBadRequest, "Trailer names a field that says where the body ends"},
	flawAuthority:       {http.StatusBadRequest, "target is not a host and a port"},
	flawChunkSize:       {http.StatusBadRequest, "malformed chunk size"},
	flawChunkExtension:  {http.StatusBadRequest, "malformed or over-long chunk extension"},
	flawChunkEnd:        {http.StatusBadRequest, "chunk longer than its size"},
	flawTrailer:         {http.StatusBadRequest, "malformed or over-long trailer"},
	flawBalancer:        {http.StatusBadRequest, "no PROXY protocol header, or a malformed one, from a balancer"},
	flawHandshake:       {http.StatusBadRequest, "TLS handshake failed"},
	flawNoTLS:           {http.StatusBadRequest, "not TLS, on a port for TLS"},
	flawPreface:         {http.StatusBadRequest, "no HTTP/2 preface where HTTP/2 was agreed on"},
	flawFrames:          {http.StatusBadRequest, "HTTP/2 frames that are malformed or out of order"},
	flawHPACK:           {http.StatusBadRequest, "malformed HPACK in a field section"},
	flawPseudo:          {http.StatusBadRequest, "malformed, missing or unknown pseudo-header fields"},
	flawConnectionField: {http.StatusBadRequest, "field about the connection in HTTP/2"},
}

// Error makes a flaw found inside a body an error that its reader sees.
func (f flaw) Error() string { return flawTexts[f].text }

// status is the status code of the answer.
func (f flaw) status() int { return flawTexts[f].status }

// reason is the word of the decision: a target that cannot be judged is told apart from noise.
func (f flaw) reason() policy.Reason {
	if f == flawAuthority {
		return policy.BadTarget
	}
	return policy.BadRequest
}
