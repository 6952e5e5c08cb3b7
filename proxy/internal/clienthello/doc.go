// Package clienthello reads the first bytes of a tunnel: what they begin, and the ClientHello in them, with the name,
// versions and protocols that it offers and its JA4 fingerprint. It accepts only what is well-formed to the last
// byte, in whatever records and portions it arrives, so that no server reads another name from it than this package.
//
// It cannot touch a socket or a file: it imports neither net nor os, which internal/archtest checks.
package clienthello
