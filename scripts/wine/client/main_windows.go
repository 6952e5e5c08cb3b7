// Command client asks for a URL with the proxy settings of the system, and prints the status: as programs on WinINet do, or as services do,
// on WinHTTP.
//
//	client wininet URL
//	client winhttp HOST PORT PATH
package main

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Constants of wininet.h and winhttp.h.
const (
	openTypePreconfig = 0
	flagReload        = 0x80000000
	flagNoUI          = 0x200
	accessTypeDefault = 0
	queryStatusCode   = 19
	queryFlagNumber   = 0x20000000
	noContext, no     = 0, 0
)

// call returns what the function returns; 0 is an error, which ends the program.
func call(library, function string, args ...uintptr) uintptr {
	r, _, err := windows.NewLazySystemDLL(library).NewProc(function).Call(args...)
	if r == 0 {
		fmt.Printf("%s: %v\n", function, err)
		os.Exit(1)
	}
	return r
}

func ansi(s string) uintptr {
	p, err := windows.BytePtrFromString(s)
	if err != nil {
		panic(err)
	}
	return uintptr(unsafe.Pointer(p))
}

func wide(s string) uintptr {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		panic(err)
	}
	return uintptr(unsafe.Pointer(p))
}

func main() {
	var status, size uint32 = 0, 4
	switch {
	case len(os.Args) == 3 && os.Args[1] == "wininet":
		net := call("wininet.dll", "InternetOpenA", ansi("wininet"), openTypePreconfig, no, no, no)
		request := call("wininet.dll", "InternetOpenUrlA", net, ansi(os.Args[2]), no, no, flagReload|flagNoUI, noContext)
		call("wininet.dll", "HttpQueryInfoA", request, queryStatusCode|queryFlagNumber, uintptr(unsafe.Pointer(&status)), uintptr(unsafe.Pointer(&size)), no)
	case len(os.Args) == 5 && os.Args[1] == "winhttp":
		port, err := strconv.ParseUint(os.Args[3], 10, 16)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		net := call("winhttp.dll", "WinHttpOpen", wide("winhttp"), accessTypeDefault, no, no, no)
		server := call("winhttp.dll", "WinHttpConnect", net, wide(os.Args[2]), uintptr(port), no)
		request := call("winhttp.dll", "WinHttpOpenRequest", server, wide("GET"), wide(os.Args[4]), no, no, no, no)
		call("winhttp.dll", "WinHttpSendRequest", request, no, no, no, no, no, noContext)
		call("winhttp.dll", "WinHttpReceiveResponse", request, no)
		call("winhttp.dll", "WinHttpQueryHeaders", request, queryStatusCode|queryFlagNumber, no, uintptr(unsafe.Pointer(&status)), uintptr(unsafe.Pointer(&size)), no)
	default:
		fmt.Println("usage: client wininet URL | winhttp HOST PORT PATH")
		os.Exit(2)
	}
	fmt.Println(status)
}
