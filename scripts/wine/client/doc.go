//go:build !windows

// Command client is for Windows.
package main

func main() {}
