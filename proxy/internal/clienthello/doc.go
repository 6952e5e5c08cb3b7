// Package clienthello reads the first bytes of a tunnel: what they are the beginning of, and the ClientHello in them, with
// the name, versions and protocols that it offers and its JA4 fingerprint. It takes only what is well-formed to the last
// byte, in whatever records and portions it comes, so that no server reads another name from it than this package.
//
// It cannot touch a socket or a file: it imports neither net nor os, which internal/archtest checks.
package clienthello
