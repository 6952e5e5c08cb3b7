// Command prng writes bcryptprimitives.dll for wine before 8.13, which has none: every program of Go needs its one function. It is a
// library (PE32+, amd64) without code, whose ProcessPrng is RtlGenRandom of advapi32: a forwarder, as the PE format calls that.
//
//	prng FILE
package main

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"os"
)

const (
	sectionAt = 0x1000 // where the section is in memory
	fileAt    = 0x200  // and in the file
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: prng FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], library("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036"), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "prng:", err)
		os.Exit(1)
	}
}

// library is a DLL that exports the one function, which is that of another library.
func library(name, function, forward string) []byte {
	// The export directory, 40 bytes, then the address of the function, of its name, and its number; then the texts.
	const directory, functions, names, numbers, texts = 0, 40, 44, 48, 50
	at := func(offset int) uint32 { return sectionAt + uint32(offset) }
	forwardAt, functionAt, nameAt := texts, texts+len(forward)+1, texts+len(forward)+1+len(function)+1
	var export bytes.Buffer
	put(&export, uint32(0), uint32(0), uint32(0), at(nameAt), uint32(1), uint32(1), uint32(1), at(functions), at(names), at(numbers))
	// An address within the export directory is that of a forwarder.
	put(&export, at(forwardAt), at(functionAt), uint16(0))
	export.WriteString(forward + "\x00" + function + "\x00" + name + "\x00")

	size := uint32(export.Len())
	optional := pe.OptionalHeader64{
		Magic: 0x20b, ImageBase: 0x180000000, SectionAlignment: 0x1000, FileAlignment: 0x200, MajorOperatingSystemVersion: 6, MajorSubsystemVersion: 6,
		SizeOfInitializedData: 0x200, SizeOfImage: 0x2000, SizeOfHeaders: fileAt, Subsystem: pe.IMAGE_SUBSYSTEM_WINDOWS_CUI,
		DllCharacteristics: pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT | pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, NumberOfRvaAndSizes: 16,
	}
	optional.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT] = pe.DataDirectory{VirtualAddress: at(directory), Size: size}
	section := pe.SectionHeader32{Name: [8]uint8{'.', 'e', 'd', 'a', 't', 'a'}, VirtualSize: size, VirtualAddress: sectionAt, SizeOfRawData: 0x200, PointerToRawData: fileAt,
		Characteristics: pe.IMAGE_SCN_CNT_INITIALIZED_DATA | pe.IMAGE_SCN_MEM_READ}

	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, 0x3a))
	put(&b, uint32(0x80)) // where the PE header is
	b.Write(make([]byte, 0x80-b.Len()))
	b.WriteString("PE\x00\x00")
	put(&b, pe.FileHeader{Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1, SizeOfOptionalHeader: uint16(binary.Size(optional)),
		Characteristics: pe.IMAGE_FILE_EXECUTABLE_IMAGE | pe.IMAGE_FILE_LARGE_ADDRESS_AWARE | pe.IMAGE_FILE_DLL}, optional, section)
	b.Write(make([]byte, fileAt-b.Len()))
	b.Write(export.Bytes())
	return append(b.Bytes(), make([]byte, fileAt+0x200-b.Len())...)
}

func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err) // a type without a size
		}
	}
}
