// The guide's receiver (docs/integrate.md, Callbacks: five things to do right), called once.
package main

import (
	"crypto/sha1"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"
)

// RECEIVER

func main() {
	fields, _ := url.ParseQuery(os.Args[1])
	fmt.Println(receive(fields, os.Args[2], map[string]string{os.Args[3]: os.Args[4]}))
}
