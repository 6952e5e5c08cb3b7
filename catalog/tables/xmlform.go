package tables

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// xmlSignature is the namespace of XML signatures (XML-DSIG, section 1.3). They are not content: their URLs name algorithms.
const xmlSignature = "http://www.w3.org/2000/09/xmldsig#"

// parseXML reads an XML document: elements with elements or attributes are objects, others are strings. In XML that PowerShell
// writes, as that of Microsoft's validator, an attribute has the name of the property.
func parseXML(text string) (*node, error) {
	dec := xml.NewDecoder(strings.NewReader(text))
	root := &node{line: 1, kind: object}
	open := []*node{root}
	texts := []*strings.Builder{{}}
	for {
		t, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := dec.InputPos()
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Space == xmlSignature && (t.Name.Local == "SignedInfo" || t.Name.Local == "SignatureValue" || t.Name.Local == "KeyInfo") {
				if err := dec.Skip(); err != nil {
					return nil, err
				}
				continue
			}
			if len(open) > maxNesting {
				return nil, fmt.Errorf("nested more than %d levels deep", maxNesting)
			}
			n := &node{key: t.Name.Local, line: line}
			shell := isShellXML(n.key)
			if shell {
				n.key = top.key // an element of a list has the list's name
			}
			for _, a := range t.Attr {
				switch {
				case shell && (a.Name.Local == "N" || a.Name.Local == "Name"):
					n.key = a.Value
				case shell || a.Name.Space == "xmlns" || a.Name.Local == "xmlns":
				default:
					n.children = append(n.children, &node{key: a.Name.Local, line: line, text: a.Value})
				}
			}
			top.children = append(top.children, n)
			open, texts = append(open, n), append(texts, &strings.Builder{})
		case xml.CharData:
			texts[len(texts)-1].Write(t)
		case xml.EndElement:
			said := strings.TrimSpace(texts[len(texts)-1].String())
			open, texts = open[:len(open)-1], texts[:len(texts)-1]
			switch {
			case len(top.children) == 0:
				top.text = said
				if top.line = line - strings.Count(said, "\n"); top.line < 1 {
					top.line = line
				}
			default:
				top.kind = list
				for _, child := range top.children {
					if child.key != top.key {
						top.kind = object
					}
				}
				if said != "" {
					top.children = append(top.children, &node{key: top.key, line: line, text: said})
				}
			}
		}
	}
	if len(root.children) == 0 {
		return nil, fmt.Errorf("it has no element")
	}
	return root, nil
}

// isShellXML reports whether an element is written by PowerShell (ConvertTo-Xml, Export-Clixml): its name is a type, and an attribute
// has the name of the property.
func isShellXML(name string) bool {
	switch name {
	case "Property", "Obj", "MS", "Props", "LST", "IE", "QUE", "STK", "DCT", "En", "S", "I32", "I64", "B", "Nil", "U32", "ToString", "TN", "TNRef", "T":
		return true
	}
	return false
}
